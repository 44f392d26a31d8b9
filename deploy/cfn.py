"""CloudFormation templates read as data, and their functions carried out where
no AWS is needed.

Only what a task and a service need: Ref, Sub, GetAtt, FindInMap, If, and in
conditions Equals, Not and And.
"""

import re

import yaml


class Unresolved(Exception):
    """A function or a name that cannot be told without deploying; its text says
    which."""


class _Loader(yaml.SafeLoader):
    pass


def _function(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _function)


def load(path):
    """The template in the file, its short functions in their long form ({"Ref":
    ...})."""
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, _Loader)


def of_resource(template, resource_type):
    """The properties of the only resource of that type."""
    found = [r for r in template["Resources"].values() if r["Type"] == resource_type]
    if len(found) != 1:
        raise Unresolved(f"{len(found)} resources of type {resource_type}, not one")
    return found[0]["Properties"]


class Resolver:
    """Carries out a template's functions.

    parameters  values that win over the parameters' defaults attributes  what
    Ref ("Name") and GetAtt ("Name.Attribute") of resources give, and what
                pseudo parameters ("AWS::Region") are
    otherwise   called with any other name, gives its value; without it such a
    name is an error
    """

    def __init__(self, template, parameters, attributes, otherwise=None):
        declared = template.get("Parameters", {})
        unknown = set(parameters) - set(declared)
        if unknown:
            raise Unresolved("no parameter is called " + ", ".join(sorted(unknown)))
        self._values = {name: p["Default"] for name, p in declared.items() if "Default" in p}
        self._values.update(parameters)
        self._values.update(attributes)
        for name, parameter in declared.items():
            self._check(name, parameter)
        self._otherwise = otherwise
        self._conditions = template.get("Conditions", {})
        self._mappings = template.get("Mappings", {})

    def _check(self, name, parameter):
        if name not in self._values:
            return
        value, allowed = str(self._values[name]), parameter.get("AllowedValues")
        if allowed and value not in [str(a) for a in allowed]:
            raise Unresolved(f"{name} is {value}, not one of {allowed}")
        if not re.search(parameter.get("AllowedPattern", ""), value):
            raise Unresolved(f"{name} is {value}: {parameter['AllowedPattern']} is what it takes")

    def __call__(self, value):
        """The value with its functions carried out; members that are
        AWS::NoValue are left out."""
        if isinstance(value, list):
            return [v for v in map(self, value) if v is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        resolved = {name: self(member) for name, member in value.items()}
        return {name: member for name, member in resolved.items() if member is not None}

    def condition(self, name):
        return self._holds(self._conditions[name])

    def _name(self, name):
        if name == "AWS::NoValue":
            return None
        if name in self._values:
            return self._values[name]
        if self._otherwise:
            return self._otherwise(name)
        raise Unresolved(f"{name} has no value here")

    def _function(self, name, argument):
        if name == "Ref":
            return self._name(argument)
        if name == "Fn::GetAtt":
            return self._name(".".join(argument))
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda m: str(self._name(m[1])), argument)
        if name == "Fn::If":
            return self(argument[1] if self.condition(argument[0]) else argument[2])
        if name == "Fn::FindInMap":
            table, first, second = self(argument)
            return self._mappings[table][first][second]
        raise Unresolved(f"{name} is not known here")

    def _holds(self, condition):
        (name, argument), = condition.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            left, right = self(argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self._holds(argument[0])
        if name == "Fn::And":
            return all(self._holds(a) for a in argument)
        raise Unresolved(f"{name} is not known here")


def camel(value, keep=()):
    """CloudFormation's PortMappings as the API's portMappings, throughout;
    below a name in `keep` the members are data, not names."""
    if isinstance(value, list):
        return [camel(v, keep) for v in value]
    if not isinstance(value, dict):
        return value
    return {
        name[0].lower() + name[1:]: member if name in keep else camel(member, keep)
        for name, member in value.items()
    }
