"""The emulated Plangrep: every route of the open API, with its state machines, on the emulator's clock.

What the documentation says is done as it says. Where it is silent or contradicts itself, the emulator assumes:

Errors and access
    Every error body is ``{"error": {"code", "message"}}`` (documented for source search only). 400 for what breaks a
    rule of a field, 401, 402 (a project that cannot be paid), 403 (scope, upload token), 404, 405, 409 (state), 410
    (expired result, used token), 413 (bytes), 429. The codes are the emulator's own. Projects, reads and search need no
    scope.
Projects
    Names are unique after trimming, case matters; a taken one is 409. Provisioning takes 90 s; it can be made to fail,
    with the status ``failed``. ``availableCredits`` is the balance before the charge. A project that is not ready, or
    is being upgraded, refuses jobs with 409.
Jobs
    Created as ``provisioning``; ``awaiting_uploads`` after 2 s. The first document makes it ``uploading``. After a
    resume it is ``preflighting``, then ``processing``. A cancel is done at once unless ``cancel_delay`` is set. A
    result that does not exist (yet) is 409, an expired one 410. A job all of whose documents fail is ``failed``; one
    failed page makes ``completed_with_errors``.
Idempotency
    Keys belong to the organization, the operation, and the project or job. They hold for 24 hours. Another JSON value
    under the same key is 409; a refused first attempt binds nobody. A replayed create shows the job as it is now,
    without its webhook secret; a replayed completion is the original answer.
Uploads
    The same bytes (SHA-256) in one job are one document: a repeated form part is ``skipped``, a repeated registration
    gives the same ``documentId`` with new URLs and counts once. That is also how expired URLs are renewed. Form uploads
    are all or nothing. Multipart parts are 64 MiB; the names are those of :class:`WireNames`. Completion with
    ``documentIds`` needs the bytes of all of them (409 otherwise); without it, registered documents whose completion
    never came fail after ``upload_timeout``. Receipts of the Base64 route are another valid upload token. A body that
    does not fit its checksum is 400.
Credits
    The estimate is one page for every 200 kB declared, at the document rate unless the file was classified as plans.
    Preflight and processing can both block.
Results and reads
    One result document a file. Page counts, page sizes and text are those of the PDF; what is not a PDF is one page.
    A page of tabloid size or larger counts as a drawing where no classification says otherwise. Sheets, regions and
    sections come from lines such as ``SHEET A1.01``, ``DETAIL 3 - WALL SECTION`` and ``SECTION 07 21 00 - …``. Boxes
    have ``left, top, right, bottom``. A ``specificationId`` stands for a section and, on the sections routes, for its
    book.
    Search scores by shared words. A record that does not pass a single-item filter is 404. Cursors belong to their
    filters.
Downloads
    ``Authorization`` on a download token or on the pre-signed result is 400 and noted as a violation; the token is not
    consumed. Tokens last 15 minutes.
Webhooks
    ``http://`` to this machine is accepted besides HTTPS. One delivery for each status, the first included, in order,
    up to five attempts with pauses of 1, 2, 4 … seconds; any 2xx is success. Signed as :class:`WebhookSignature` says.
"""

from __future__ import annotations

from .service import PlangrepService
from .settings import PlangrepRateLimit, PlangrepSettings, WebhookSignature, WireNames
from .view import PlangrepView
from .webhooks import sign_webhook

__all__ = [
    "PlangrepRateLimit",
    "PlangrepService",
    "PlangrepSettings",
    "PlangrepView",
    "WebhookSignature",
    "WireNames",
    "sign_webhook",
]
