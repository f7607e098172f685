"""Pages: one address for browsers and pods, three ways to name the class, NGINX's annotations."""

from __future__ import annotations

import httpx
import pytest

from lab_helpers import Lab

from .support import apply, post, serve, show


def test_a_page_is_the_same_for_the_host_and_for_a_pod(lab: Lab, namespace: str) -> None:
    serve(lab, namespace, "web", page=namespace)
    address = lab.url(namespace, "/env")
    serve(lab, namespace, "caller", backend=address, page=f"{namespace}-caller")
    (seen_by_pod,) = post(lab, f"{namespace}-caller", "/echo")
    seen_by_host = lab.http.post(address)
    assert "HOSTNAME=web-" in seen_by_host.text
    assert seen_by_pod == seen_by_host.text


@pytest.mark.parametrize("class_name", ["public", "nginx", ""])
def test_each_ingress_class_shows_pages(lab: Lab, namespace: str, class_name: str) -> None:
    serve(lab, namespace)
    show(lab, namespace, namespace, class_name=class_name)
    lab.wait_for_page(namespace, "/healthz")
    ingress = lab.get("ingress", namespace, namespace=namespace)
    assert ingress["spec"]["ingressClassName"] == (class_name or "public")


def test_a_page_that_nobody_serves_is_not_found(lab: Lab) -> None:
    assert lab.http.get(lab.url("no-such-page")).status_code == httpx.codes.NOT_FOUND


def test_a_path_is_rewritten_by_a_regular_expression(lab: Lab, namespace: str) -> None:
    serve(lab, namespace)
    apply(lab, namespace, "rewritten-page", host=namespace, service="web")
    lab.wait_for_page(namespace, "/code/202")
    assert lab.http.get(lab.url(namespace, "/code/418")).json() == {"status": 418}
    assert lab.http.get(lab.url(namespace, "/code/x")).status_code == httpx.codes.NOT_FOUND


def test_a_visitor_without_a_session_is_sent_to_sign_in(lab: Lab, namespace: str) -> None:
    serve(lab, namespace)
    apply(lab, namespace, "guarded-page", host=namespace, service="web", verdict=401)
    lab.wait_for_page(namespace, "/")
    answer = lab.http.get(lab.url(namespace, "/version?a=1&b=2"))
    assert answer.status_code == httpx.codes.FOUND
    wanted = "%2Fversion%3Fa%3D1%26b%3D2"
    assert answer.headers["location"] == f"http://sign-in.localhost/start?rd={wanted}"


def test_a_visitor_with_a_session_is_let_in(lab: Lab, namespace: str) -> None:
    serve(lab, namespace)
    apply(lab, namespace, "guarded-page", host=namespace, service="web", verdict=200)
    lab.wait_for_page(namespace, "/version")
    assert lab.http.get(lab.url(namespace, "/version")).json()["version"]
