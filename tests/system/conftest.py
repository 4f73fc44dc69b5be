# SPDX-License-Identifier: Apache-2.0
"""Whole-program tests: the built programs, or with --reference Debian's, as their users see them.

    /usr/bin/python3 -m pytest tests/system --build DIR
    /usr/bin/python3 -m pytest tests/system --reference

The deliberate differences to the reference server are listed in differences.py. A test that carries
such a difference must pass on ours and must fail on the reference server.
"""
import os

import pytest

import differences
from harness import programs as programs_module
from harness.background import Background
from harness.daemons import Daemons
from harness.lab import Lab
from harness.manager import ManagedServer, Manager
from harness.pki import Authority
from harness.shared import SharedServer, Use


def pytest_addoption(parser):
    group = parser.getgroup("ovsdbd")
    group.addoption("--build", default=os.environ.get("OVSDBD_BUILD", "build"),
                    help="build directory of the programs under test (default: $OVSDBD_BUILD)")
    group.addoption("--reference", action="store_true", help="test Debian's programs instead")


def pytest_configure(config):
    config.addinivalue_line("markers", "difference(name): see differences.py")
    config.addinivalue_line("markers", "ours(why): means nothing with --reference")
    if config.getoption("reference"):
        config.programs = programs_module.debian()
    else:
        config.programs = programs_module.built(config.getoption("build"))
    config.reference_programs = programs_module.debian()


def pytest_sessionstart(session):
    config = session.config
    if config.getoption("collectonly"):
        return
    for programs in (config.programs, config.reference_programs):
        if programs.missing():
            pytest.exit(f"not there: {', '.join(map(str, programs.missing()))}", returncode=3)


def pytest_collection_modifyitems(config, items):
    if not config.programs.is_reference:
        return
    kept = [item for item in items if not item.get_closest_marker("ours")]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
    for item in items:
        for mark in item.iter_markers("difference"):
            reason = differences.REASONS[mark.args[0]]
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


@pytest.fixture(scope="session")
def programs(pytestconfig):
    return pytestconfig.programs


@pytest.fixture(scope="session")
def reference(pytestconfig):
    return pytestconfig.reference_programs


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """A certificate authority with issued certificates, and a certificate of another authority."""
    directory = tmp_path_factory.mktemp("pki")
    authority = Authority(directory)
    authority.server = authority.issue("server")
    authority.client = authority.issue("client", cn="client one")
    authority.stranger = Authority(directory, "other-ca").issue("stranger")
    return authority


@pytest.fixture
def lab(programs, reference, tmp_path, request):
    lab = Lab(programs, reference, tmp_path)
    lab.finds_client_leaks = request.node.path.name.startswith(("test_client", "test_appctl"))
    yield lab
    lab.clean_up()


@pytest.fixture
def server(lab):
    """A server with the empty database "small", which most tests need."""
    return lab.serve("small")


@pytest.fixture(scope="session")
def shared_servers(programs, reference, tmp_path_factory):
    def make_lab():
        return Lab(programs, reference, tmp_path_factory.mktemp("shared"))

    servers = {name: SharedServer(make_lab, name) for name in ("small", "ops")}
    yield servers
    for one in servers.values():
        one.finish()


def use(server):
    one = Use(server)
    yield one
    if not one.is_over:
        server.drop()


@pytest.fixture
def shared_small(shared_servers):
    """A server with the empty database "small", for tests that look at nothing but their
    connections."""
    yield from use(shared_servers["small"])


@pytest.fixture
def shared_ops(shared_servers):
    """The same with the database "ops"."""
    yield from use(shared_servers["ops"])


@pytest.fixture
def client(request):
    """A connection to the test's own server, if it has one, or to a shared one."""
    own = "server" in request.fixturenames or "lab" in request.fixturenames
    return request.getfixturevalue("server" if own else "shared_small").client()


@pytest.fixture
def background(lab):
    def start(programs, *command, **more):
        return Background(lab, programs, *command, **more)

    yield start
    for one in getattr(lab, "background", []):
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def daemons(lab):
    daemons = Daemons(lab.env, lab.directory)
    yield daemons
    daemons.stop()


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.close()


@pytest.fixture
def managed(lab, manager):
    """A server, not started, that runs as a service of the manager."""
    server = ManagedServer(manager, lab.programs, str(lab.directory), lab.env)
    lab.servers.append(server)
    return server


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs the test and then the last checks of its servers, so that both count as the test's
    result."""
    arguments = pyfuncitem.funcargs
    pyfuncitem.obj(**{name: arguments[name] for name in pyfuncitem._fixtureinfo.argnames})
    for name in ("lab", "shared_small", "shared_ops"):
        if name in arguments:
            arguments[name].finish()
    return True
