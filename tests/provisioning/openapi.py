"""api/openapi.yaml as something to hold requests and responses against."""
import json
import re
import urllib.parse

import jsonschema
import yaml

OLD, NEW = "2023-10-01", "2024-02-29-preview"
METHODS = ("get", "put", "post", "patch", "delete")


class OpenApi:
    def __init__(self, file):
        self.document = yaml.safe_load(open(file))
        self.validators = {}
        self.operations = []
        for path, item in self.document["paths"].items():
            pattern = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
            pattern = re.compile(re.sub(r"\{\w+\}", "([^/:]+)", pattern) + "$")
            for method in METHODS:
                if method in item:
                    self.operations.append((method, path, pattern, item[method], item.get("parameters", [])))

    def find(self, method, path, version):
        for m, template, pattern, operation, _ in self.operations:
            if m == method.lower() and pattern.match(path) and version in operation["x-api-versions"]:
                return template, operation
        return None, None

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            here = self.document
            for part in node["$ref"][2:].split("/"):
                here = here[part]
            node = here
        return node

    def schema(self, content, version):
        """Of a body; where both versions have one, that of this version."""
        schema = next(iter(content.values()))["schema"]
        for one in schema.get("anyOf", []):
            if one.get("$ref", "").endswith("2023") == (version == OLD):
                return one
        return schema

    def errors(self, schema, value):
        key = json.dumps(schema)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(
                {"components": self.document["components"], **schema})
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in self.validators[key].iter_errors(value)]

    def check(self, method, target, body, status, headers, response):
        """What is wrong with one exchange, as sentences."""
        url = urllib.parse.urlsplit(target)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        version = query.get("api-version", [""])[-1]
        faults = []
        _, operation = self.find(method, urllib.parse.unquote(url.path), version)
        if status >= 400:
            value = json.loads(response)
            schema = self.document["components"]["responses"]["Error"]["content"]
            faults += self.errors(self.schema(schema, version), value)
            if headers.get("x-ms-error-code") != value["error"]["code"]:
                faults.append("x-ms-error-code is not the code of the body")
            if version == OLD and "target" in value["error"]:
                faults.append("2023-10-01 has no target")
        elif status == 304 or status == 204:
            if response:
                faults.append(f"{status} with a body")
        elif operation is None:
            faults.append(f"{status} for what the document does not have")
        elif str(status) not in operation["responses"]:
            faults.append(f"the document does not have {status}")
        else:
            content = operation["responses"][str(status)]["content"]
            faults += self.errors(self.schema(content, version), json.loads(response))
        if operation is not None and "requestBody" in operation:
            try:
                value = json.loads(body)
            except ValueError:
                value = None
            if value is not None:
                wrong = self.errors(self.schema(operation["requestBody"]["content"], version), value)
                if status < 300 and wrong:
                    faults.append(f"accepted, and against the document: {wrong[0]}")
                code = headers.get("x-ms-error-code", "")
                if code in ("InvalidField", "MissingField", "UnknownField") and not wrong:
                    faults.append(f"refused, and the document allows it: {response[:300]}")
        return faults
