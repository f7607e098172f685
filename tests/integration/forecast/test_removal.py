"""What is left of the forecast app when it is taken away. It comes last: the others use it."""

from __future__ import annotations

from lab_helpers import Lab
from lab_helpers.forecast_app import ForecastApp
from lab_helpers.openid import Visitor


def test_taken_away_it_leaves_nothing(app: ForecastApp, learner: Lab) -> None:
    app.clean_up()
    storage = learner.storage()
    buckets = {each.name for each in storage.s3.list_buckets()}
    assert not {each for each in buckets if learner.learner in each}
    assert not [each for each in storage.admin.user_list() if learner.learner in each]
    assert learner.learner not in learner.kubectl("get", "namespaces", "-o", "name")
    found = learner.get("deployments", namespace=learner.name("openfaas-fn"))["items"]
    assert found == []
    visitor = Visitor()
    assert visitor.get(app.sign_in).status_code >= 400
    visitor.close()
