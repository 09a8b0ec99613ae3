"""The document itself."""

import jsonschema_rs
import openapi_spec_validator


def test_it_is_openapi(document):
    openapi_spec_validator.validate(document)


def bodies(document):
    """Schemas of bodies, with what they refer to, and their examples."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                schema = content["schema"] | {"components": document["components"]}
                yield f"{method} {path}", schema, content["example"]


def test_its_examples_are_what_it_allows(document):
    cases = list(bodies(document))
    assert len(cases) > 3
    for name, schema, example in cases:
        jsonschema_rs.Draft202012Validator(schema).validate(example), name
