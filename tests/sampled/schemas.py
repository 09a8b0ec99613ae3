"""Random JSON schemas of mixed difficulty, each made from its number. All can be fulfilled."""

import dataclasses
import random

# Those of the draft's formats that a server should know.
FORMATS = (
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid",
)  # fmt: skip
PLAIN_NAMES = (
    "id", "name", "title", "count", "price", "city", "tags", "items", "type", "enum", "required",
    "first_name", "lastName", "is_open", "x", "y", "default", "format", "pattern", "status",
)  # fmt: skip
ODD_NAMES = (
    "größe", "a b", "x-y", "1st", "", 'a "quoted" one', "back\\slash", "tab\there", "🐟", "a.b",
)  # fmt: skip
WORDS = (
    "red", "green", "blue", "north", "south", "open", "shut", "größer", "it's", 'say "no"', "a\nb",
)  # fmt: skip
PATTERNS = (
    "^[A-Z]{2,3}-[0-9]{4}$", "^#[0-9a-fA-F]{6}$", r"^\d{4}-\d{2}$", "^(red|green|blue)$", "[0-9]",
    "^[a-z]+(_[a-z]+)*$", "^x", "y$", r"^\+?[0-9 ]{3,9}$", "^.{3,6}$", "^[^a-z]{1,4}$", "^$",
    r"^\w+\.(txt|md)$", "^a?b*c{2}$", r"^(?:[01]\d|2[0-3]):[0-5]\d$",
)  # fmt: skip
ATOMS = ("[a-z]", "[A-Z]", r"\d", r"\w", "[abc]", "[^0-9]", "(?:ab|cd)", "(x|yz)", r"\.", "k")
COUNTS = ("", "", "?", "+", "*", "{2}", "{1,3}", "{2,}")
# Characters with which each of ATOMS meets each of COUNTS.
ATOM_CHARS = 4

EASY = ("text", "text", "integer", "number", "boolean", "null", "enum")
FLAT = (*EASY, "const", "types", *["formatted", "pattern"] * 2)
DEEP = ("array", "array", "any_of", "record", "record")
HARD_FLAT = (*FLAT, "multiple")
HARD_DEEP = (*DEEP, "one_of", "all_of", "sequence", "mapping", "recursive", "recursive")


@dataclasses.dataclass(frozen=True)
class Level:
    """How difficult a schema may be."""

    name: str
    depth: int
    members: int
    flat: tuple
    kinds: tuple
    roots: tuple


LEVELS = (
    Level("easy", 1, 3, EASY, EASY, ("record",)),
    Level("medium", 3, 4, FLAT, FLAT + DEEP, (*["record"] * 6, "array", "any_of")),
    Level("hard", 4, 4, HARD_FLAT, HARD_FLAT + HARD_DEEP, (*["record"] * 6, "one_of", "recursive")),
)


def schema(number):
    """The level of the schema with this number, and the schema."""
    level = LEVELS[number % len(LEVELS)]
    return level.name, Maker(random.Random(number), level).document()


def keywords(schema):
    """The constraining keywords of a schema, each as often as it is there."""
    if isinstance(schema, list):
        return [word for part in schema for word in keywords(part)]
    if not isinstance(schema, dict):
        return []
    found = []
    for word, value in schema.items():
        if word not in ("$schema", "$defs", "title", "description"):
            found.append(word)
        if word in ("properties", "patternProperties", "$defs"):
            found += keywords(list(value.values()))
        elif word not in ("enum", "const"):
            found += keywords(value)
    return found


def closed(**properties):
    """An object of just these members, all of them there."""
    made = {"type": "object", "properties": properties, "required": list(properties)}
    return made | {"additionalProperties": False}


class Maker:
    """Makes one schema. Each kind of value has a method, which takes the levels left below it."""

    def __init__(self, rng, level):
        self.rng = rng
        self.level = level
        self.definitions = {}

    def chance(self, share):
        return self.rng.random() < share

    def document(self):
        """The whole schema."""
        made = getattr(self, self.rng.choice(self.level.roots))(self.level.depth - 1)
        if self.definitions:
            made["$defs"] = self.definitions
        if self.chance(0.2):
            draft = "https://json-schema.org/draft/2020-12/schema"
            made = {"$schema": draft, "title": "Document", **made}
        return made

    def value(self, depth):
        """Any kind of value."""
        kinds = self.level.kinds if depth > 0 else self.level.flat
        made = getattr(self, self.rng.choice(kinds))(depth - 1)
        if self.chance(0.1):
            made["description"] = "A value that says something."
        return made

    def text(self, _):
        made, low = {"type": "string"}, self.rng.choice((0, 0, 1, 3))
        if low:
            made["minLength"] = low
        if self.chance(0.85):
            made["maxLength"] = low + self.rng.randint(0, 20)
        return made

    def formatted(self, _):
        return {"type": "string", "format": self.rng.choice(FORMATS)}

    def pattern(self, _):
        if self.chance(0.5):
            return {"type": "string", "pattern": self.rng.choice(PATTERNS)}
        count = self.rng.randint(1, 4)
        atoms = [self.rng.choice(ATOMS) + self.rng.choice(COUNTS) for _ in range(count)]
        start, end = self.rng.choice((("^", "$"), ("^", "$"), ("^", ""), ("", "")))
        made = {"type": "string", "pattern": start + "".join(atoms) + end}
        if self.chance(0.5):
            made["maxLength"] = ATOM_CHARS * count + self.rng.randint(0, 9)
        return made

    def integer(self, _):
        anywhere = (self.rng.randint(-99, 99), self.rng.randint(-(10**9), 10**9))
        low = self.rng.choice((0, 1, -5, -1000, *anywhere))
        high = low + self.rng.choice((0, 1, 9, 10, 99, 1234, 10**6))
        return {"type": "integer"} | self.bounds(low, high, 1)

    def number(self, _):
        low = self.rng.choice((0, -1, 0.5, -2.75, 100, self.rng.randint(-9999, 9999) / 100))
        high = low + self.rng.choice((0.25, 1, 2.5, 10, 1000.125))
        return {"type": "number"} | self.bounds(low, high, 0)

    def bounds(self, low, high, step):
        """Some bounds around what lies from low to high; those that exclude are a step further."""
        made, (lower, upper) = {}, self.rng.choice(((0, 0), (1, 0), (0, 1), (1, 1), (1, 1)))
        if lower:
            made |= {"exclusiveMinimum": low - step} if self.chance(0.3) else {"minimum": low}
        if upper:
            made |= {"exclusiveMaximum": high + step} if self.chance(0.3) else {"maximum": high}
        return made

    def multiple(self, _):
        if self.chance(0.3):
            return {"type": "number", "multipleOf": self.rng.choice((0.5, 0.25, 0.01))}
        made = {"type": "integer", "multipleOf": self.rng.choice((2, 3, 5, 7, 12, 100))}
        if self.chance(0.7):
            low = self.rng.randint(-99, 99)
            high = low + made["multipleOf"] * self.rng.randint(1, 20)
            made |= {"minimum": low, "maximum": high}
        return made

    def boolean(self, _):
        return {"type": "boolean"}

    def null(self, _):
        return {"type": "null"}

    def enum(self, _):
        values = self.rng.sample(WORDS, self.rng.randint(2, 5))
        if self.chance(0.3):
            values += self.rng.sample((None, True, False, 5, -1, 1.5, 10**12), 2)
        if self.level.depth > 2 and self.chance(0.3):
            values += [["a", 1], {"kind": "b", "size": 2}]
        return {"enum": values}

    def const(self, _):
        values = (*WORDS, 7, -2.5, True, None, ["a", [], {}], {"a": {"b": 1}})
        return {"const": self.rng.choice(values)}

    def types(self, _):
        two = self.rng.sample(("string", "integer", "boolean", "null"), 2)
        return {"type": two, "maxLength": 8, "minimum": 0}

    def record(self, depth):
        names = PLAIN_NAMES + (ODD_NAMES if self.level.depth > 2 else ())
        names = self.rng.sample(names, self.rng.randint(1, self.level.members))
        made = {"type": "object", "properties": {name: self.value(depth) for name in names}}
        made["required"] = [name for name in names if self.chance(0.7)]
        if self.chance(0.85):
            made["additionalProperties"] = False
        elif self.chance(0.5):
            made["additionalProperties"] = {"type": "boolean"}
        return made

    def mapping(self, depth):
        """An object whose names are data."""
        if self.chance(0.5):
            made = {"^s_[a-z]{1,5}$": self.text(0), "^n_": self.integer(0)}
            return {"type": "object", "patternProperties": made, "additionalProperties": False}
        made = {"type": "object", "additionalProperties": self.value(min(depth, 1))}
        low = self.rng.randint(0, 2)
        return made | {"minProperties": low, "maxProperties": low + self.rng.randint(1, 2)}

    def array(self, depth):
        made, low = {"type": "array", "items": self.value(depth)}, self.rng.randint(0, 2)
        if low or self.chance(0.2):
            made["minItems"] = low
        if self.chance(0.9):
            made["maxItems"] = low + self.rng.randint(0, 3)
        return made

    def sequence(self, depth):
        items = [self.value(min(depth, 1)) for _ in range(self.rng.randint(1, 3))]
        made = {"type": "array", "prefixItems": items, "items": False}
        if self.chance(0.3):
            made |= {"items": {"type": "boolean"}, "maxItems": len(items) + 2}
        if self.chance(0.7):
            made["minItems"] = self.rng.randint(0, len(items))
        return made

    def any_of(self, depth):
        return {"anyOf": [self.value(depth) for _ in range(self.rng.randint(2, 3))]}

    def one_of(self, depth):
        """One of several types, or of several objects that a member tells apart."""
        if self.chance(0.5):
            return {"oneOf": [self.integer(0), {"type": "null"}, self.text(0)]}
        kinds = ("circle", "square", "line")
        values = [self.value(min(depth, 1)) for _ in kinds]
        pairs = zip(kinds, values, strict=True)
        return {"oneOf": [closed(kind={"const": kind}, value=value) for kind, value in pairs]}

    def all_of(self, depth):
        if self.chance(0.4):
            low = self.rng.randint(-50, 50)
            high = low + self.rng.randint(0, 500)
            return {"allOf": [{"type": "integer", "minimum": low}, {"maximum": high}]}
        members = [{name: self.value(min(depth, 1))} for name in ("a", "b")]
        parts = [{"type": "object", "properties": m, "required": list(m)} for m in members]
        return {"allOf": parts}

    def recursive(self, _):
        name = self.rng.choice(("chain", "tree", "sum", "even", "place"))
        self.define(name)
        return {"$ref": f"#/$defs/{name}"}

    def define(self, name):
        """Adds a definition, and those that it refers to."""
        if name in self.definitions:
            return
        again = {"$ref": f"#/$defs/{name}"}
        if name == "chain":
            made = closed(value=self.value(0), next={"anyOf": [{"type": "null"}, again]})
        elif name == "tree":
            children = {"type": "array", "items": again, "maxItems": 2}
            made = closed(name={"type": "string", "maxLength": 6}, children=children)
        elif name == "sum":
            both = closed(op={"enum": ["+", "-"]}, left=again, right=again)
            made = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 99}, both]}
        elif name == "even":
            self.definitions["odd"] = closed(even=again)
            made = closed(odd={"anyOf": [{"$ref": "#/$defs/odd"}, {"type": "null"}]})
        else:
            latitude = {"type": "number", "minimum": -90, "maximum": 90}
            made = closed(latitude=latitude, label=self.text(0))
        self.definitions[name] = made
