"""The storage origin: presigned PUT, presigned multipart and POST forms, verified as S3 verifies them."""
