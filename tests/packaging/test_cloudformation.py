"""contrib/aws/table.yaml: ddbcfg can use the table, and the policies are those of the docs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ddbcfg_client.dynamodb.table import Table
from support.contrib import CONTRIB
from support.policies import POLICIES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/config"


class Template:
    """The template with values for its parameters, and with its functions evaluated."""

    def __init__(self, **parameters: Any) -> None:
        self._names: dict[str, Any] = {"TtlAttribute": "expires", **parameters}
        loader = type("Loader", (yaml.SafeLoader,), {})
        loader.add_multi_constructor("!", self._evaluate)
        text = (CONTRIB / "aws/table.yaml").read_text()
        self.resources: dict[str, Any] = yaml.load(text, loader)["Resources"]

    def _evaluate(self, loader: yaml.SafeLoader, function: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            name = str(node.value)
            return ARN if (function, name) == ("GetAtt", "Table.Arn") else self._names.get(name)
        assert isinstance(node, yaml.SequenceNode)
        first, second = loader.construct_sequence(node, deep=True)
        if function == "Join":
            return first.join(second)
        if function == "Split":
            return second.split(first)
        assert function == "Sub"
        return re.sub(r"\$\{(\w+)\}", lambda found: str(second[found[1]]), first)


@pytest.mark.parametrize("whose", ["daemon", "writer", "scribe", "operator"])
def test_the_policies_are_those_of_the_documentation(whose: str) -> None:
    resources = Template(TableName="config", Stores=["prod"]).resources
    policy = resources[f"{whose.title()}Policy"]
    assert policy["Type"] == "AWS::IAM::ManagedPolicy"
    assert policy["Properties"]["PolicyDocument"] == POLICIES[whose]


def test_of_several_stores_each_has_both_of_its_hash_keys() -> None:
    resources = Template(TableName="config", Stores=["prod", "host-*"]).resources
    keys = [
        statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for whose in ("Daemon", "Writer", "Scribe", "Operator")
        for statement in resources[f"{whose}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        if "Condition" in statement
    ]
    stores, revisions = ["prod", "host-*"], ["_ddbcfg/prod", "_ddbcfg/host-*"]
    both = [*stores, *revisions]
    assert keys == [both, both, stores, both, revisions, both]


def test_the_table_is_one_that_the_daemon_takes_and_hard_to_lose(
    moto_client: DynamoDBClient, table_name: str
) -> None:
    resource = Template(TableName=table_name, Stores=["prod"]).resources["Table"]
    properties = resource["Properties"]
    recovery = properties.pop("PointInTimeRecoverySpecification")
    expiry = properties.pop("TimeToLiveSpecification")
    moto_client.create_table(**properties)
    moto_client.update_continuous_backups(
        TableName=table_name, PointInTimeRecoverySpecification=recovery
    )
    moto_client.update_time_to_live(TableName=table_name, TimeToLiveSpecification=expiry)
    Table(moto_client, table_name).check()
    description = moto_client.describe_table(TableName=table_name)["Table"]
    assert description["DeletionProtectionEnabled"]
    assert recovery == {"PointInTimeRecoveryEnabled": True}
    assert expiry == {"AttributeName": "expires", "Enabled": True}
    assert {resource["DeletionPolicy"], resource["UpdateReplacePolicy"]} == {"Retain"}
