"""The storage origin over HTTP: what S3 does with presigned requests and POST forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..content import Content
from ..routes import RouteTable, Target
from ..service import Context, exchange_of
from .access import authorise
from .errors import S3Error
from .form import PostVerifier
from .internal import InternalStorage
from .objects import ObjectRoutes
from .parts import PartRoutes
from .post import PostRoute

__all__ = ["StorageService"]


class StorageService:
    """The origin that takes and gives bytes.

    Args:
        extra: routes that other services have at this origin; they come first.
    """

    name = "storage"

    def __init__(
        self, context: Context, store: InternalStorage, verify_post: PostVerifier, extra: Sequence[Route]
    ) -> None:
        self._store = store
        self._context = context
        self._objects = ObjectRoutes(store)
        self._parts = PartRoutes(store)
        self._post = PostRoute(store, verify_post)
        self._table = RouteTable(
            [
                *extra,
                Route("/{bucket}", self._serve, methods=["POST"]),
                Route("/{bucket}/", self._serve, methods=["POST"]),
                Route("/{bucket}/{key:path}", self._serve, methods=["GET", "HEAD", "PUT", "POST", "DELETE"]),
            ]
        )

    def find(self, method: str, path: str) -> Target | None:
        return self._table.find(method, path)

    def buckets(self) -> Sequence[str]:
        return ()

    def admin_routes(self) -> Sequence[Route]:
        return []

    def unknown(self, request: Request, allowed: Sequence[str]) -> Response:
        if allowed:
            return S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.").response()
        return S3Error("AccessDenied", "Access Denied").response()

    def crashed(self, error: Exception) -> Response:
        return S3Error("InternalError", "We encountered an internal error. Please try again.").response()

    def date(self) -> float:
        return self._store.now()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def reset(self) -> None:
        self._store.clear()

    def state(self) -> Mapping[str, Any]:
        objects = self._store.objects.values()
        return {
            "objects": len(objects),
            "bytes": sum(item.content.size for item in objects),
            "multipartUploads": len(self._store.uploads),
        }

    def stored(self) -> Mapping[str, Callable[[], Content | None]]:
        def reader(content: Content) -> Callable[[], Content | None]:
            return lambda: content

        return {f"{item.bucket}/{item.key}": reader(item.content) for item in self._store.objects.values()}

    async def _serve(self, request: Request) -> Response:
        exchange = exchange_of(request)
        self._look_for_violations(request)
        bucket: str = request.path_params["bucket"]
        key: str = request.path_params.get("key", "")
        if bucket not in self._store.buckets:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", {"BucketName": bucket})
        if "authorization" in exchange.headers:
            raise S3Error(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified",
                {"ArgumentName": "Authorization"},
            )
        if request.method == "POST" and not key:
            return await self._post.store(request, bucket)
        query = self._authorise(request, bucket, key)
        if "uploadId" in query or "uploads" in query:
            return await self._parts.serve(request, bucket, key, query)
        return await self._objects.serve(request, bucket, key, query)

    def _authorise(self, request: Request, bucket: str, key: str) -> dict[str, str]:
        try:
            return authorise(self._store, request, bucket, key)
        except S3Error as error:
            if missing := error.extra.get("MissingHeaders"):
                detail = f"headers that were signed did not come: {missing}"
                self._context.violations.add("missing_signed_headers", detail, exchange_of(request))
            raise

    def _look_for_violations(self, request: Request) -> None:
        exchange, violations = exchange_of(request), self._context.violations
        if "authorization" in exchange.headers:
            violations.add("credentials_at_storage", "an Authorization header came to the storage origin", exchange)
        if "cookie" in exchange.headers:
            violations.add("credentials_at_storage", "a Cookie header came to the storage origin", exchange)
        if "transfer-encoding" in exchange.headers:
            violations.add("chunked_to_storage", "a chunked body came to the storage origin", exchange)
