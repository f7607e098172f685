"""Functions with OpenFaaS: from a template to a function that answers, and what it does then.

:class:`~lab_helpers.openfaas.workflow.OpenFaaS`, which ``lab.openfaas()`` returns, does all of it.
This module has only the names that others need, so that it costs nothing to import.
"""

SYSTEM = "openfaas"
"""The namespace of OpenFaaS itself."""
FUNCTIONS = "openfaas-fn"
"""The namespace of functions; a learner's own has their prefix."""
GATEWAY_INSIDE = "http://gateway.openfaas:8080"
"""The gateway's address for pods, as for callbacks that the queue worker makes."""
