"""REST: the endpoints of /v1 and those of the reference product, and the OpenAPI document that describes them."""
