# SPDX-License-Identifier: Apache-2.0
"""What the tests of the package need once: a minimal root of this release, made by debootstrap from
the mirror that this machine's apt uses, the distribution's packages, and ours, built."""
import fcntl
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ["systemd-sysv", "dbus", "iproute2", "procps", "python3", "libgnutls30", "libjansson4", "libcap2"]
SWITCH = ["openvswitch-switch", "ovn-central", "ovn-host"]
OURS_BY_NAME = re.compile(r"(python3-)?(openvswitch|ovn)")


class Unavailable(Exception):
    """The reason why these tests cannot run here."""


def run(*command, **options):
    """The standard output of a command that must succeed."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, check=False, **options)
    if result.returncode:
        raise Unavailable(f"{' '.join(map(str, command))[:200]}: {result.stdout[-500:]}")
    return result.stdout


def release():
    text = pathlib.Path("/etc/os-release").read_text()
    return re.search(r"^VERSION_CODENAME=(\w+)", text, re.M).group(1)


def mirror():
    """The URI from which apt would fetch systemd."""
    for line in run("apt-cache", "policy", "systemd").splitlines():
        found = re.match(r"\s+\d+ (https?://\S+) " + release() + "/main ", line)
        if found:
            return found.group(1)
    raise Unavailable("apt knows no mirror of this release: apt-get update")


class Material:
    """The base root `root`, with the distribution's packages in its folder /debs, and `package`."""

    def __init__(self, cache):
        for program in ("debootstrap", "dpkg-buildpackage", "dh"):
            if not shutil.which(program):
                raise Unavailable(f"not installed: {program}")
        cache.mkdir(parents=True, exist_ok=True)
        self.root = cache / "root"
        with open(cache / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # workers share the folder
            if not (self.root / "debs/complete").exists():
                shutil.rmtree(self.root, ignore_errors=True)
                self._make_root()
            self.package = self._build(cache / "build")
            self.newer = self._newer(cache)

    def _make_root(self):
        run("debootstrap", "--variant=minbase", "--include=" + ",".join(INCLUDE), release(), self.root,
            mirror())
        (self.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (self.root / "usr/sbin/policy-rc.d").chmod(0o755)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        needed = re.findall(r"^Inst (\S+)", self._apt("-s", "install", *SWITCH), re.M)
        self._apt("install", *[n for n in needed if not OURS_BY_NAME.match(n)])
        self._apt("--download-only", "install", *SWITCH)
        (self.root / "usr/sbin/policy-rc.d").unlink()
        # The switch runs on dummy devices; a container loads no module.
        (self.root / "usr/sbin/modprobe").unlink(missing_ok=True)
        (self.root / "usr/sbin/modprobe").symlink_to("/bin/true")
        (self.root / "debs").mkdir()
        for deb in (self.root / "var/cache/apt/archives").glob("*.deb"):
            if OURS_BY_NAME.match(deb.name):
                deb.rename(self.root / "debs" / deb.name)
        (self.root / "debs/complete").touch()

    def _apt(self, *arguments):
        return run("chroot", self.root, "apt-get", "-y", "--no-install-recommends", *arguments,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
                        "LC_ALL": "C"})

    @staticmethod
    def _copy_tree(tree):
        """Copies the files of this tree that have changed; returns whether there are any."""
        changed = False
        for name in run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard").splitlines():
            source, target = ROOT / name, tree / name
            if source.is_file() and not (target.is_file()
                                         and target.read_bytes() == source.read_bytes()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
                changed = True
        return changed

    def _build(self, folder):
        """Builds the package from this tree; what is compiled already is not compiled again."""
        tree = folder / "ovsdbd"
        built = list(folder.glob("ovsdbd_*.deb"))
        if not self._copy_tree(tree) and built:
            return built[0]
        for former in built:
            former.unlink()
        shutil.rmtree(tree / "debian", ignore_errors=True)
        shutil.copytree(tree / "packaging/debian", tree / "debian")
        try:
            run("dpkg-buildpackage", "-b", "-us", "-uc", "-nc", "-d", cwd=tree,
                env={"PATH": "/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                     "HOME": "/root", "DEB_BUILD_OPTIONS": "noautodbgsym"})
        except Unavailable as failure:
            raise AssertionError(str(failure)) from failure
        return next(folder.glob("ovsdbd_*.deb"))

    def _newer(self, cache):
        """The same package with a higher version, to upgrade to."""
        tree = cache / "newer"
        shutil.rmtree(tree, ignore_errors=True)
        run("dpkg-deb", "-R", self.package, tree)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*", "Version: 99.0", control.read_text(), flags=re.M))
        run("dpkg-deb", "-b", tree, cache / "ovsdbd_99.0.deb")
        return cache / "ovsdbd_99.0.deb"
