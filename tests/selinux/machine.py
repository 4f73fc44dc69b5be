# SPDX-License-Identifier: Apache-2.0
"""A Debian system that enforces SELinux, in qemu without acceleration.

Its disk is an ext4 image made from a root of debootstrap; the built programs, units and the policy
module are installed in it and everything is labelled before the boot. The tests run inside, started
by systemd, and write one line for each result to the second serial port."""
import contextlib
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from container import MASKED
from roots import debian_root, run_in

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CONTEXTS = "etc/selinux/default/contexts/files"
POLICY_MAKEFILE = "/usr/share/selinux/devel/Makefile"
PACKAGES = """systemd systemd-sysv dbus udev kmod linux-image-cloud-amd64 selinux-policy-default
    policycoreutils python3-minimal libpython3-stdlib openssl iproute2 procps libjansson4
    libgnutls30 openvswitch-switch logrotate""".split()
SCHEMA = SOURCE / "tests/data/system/schemas/small.ovsschema"
GUEST_FILES = "usr/lib/ovsdbd-selinux"
UNIT = f"""[Unit]
Description=Tests of the SELinux module
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /{GUEST_FILES}/inside.py
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=tty
TTYPath=/dev/ttyS1
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
"""
# Messages go to the journal only, and devices need no udev: the emulated processor is slow.
KERNEL_OPTIONS = (
    "root=/dev/nvme0n1", "rw", "console=ttyS0", "loglevel=3", "panic=-1", "security=selinux",
    "selinux=1", "enforcing=1", "systemd.getty_auto=no", "systemd.mask=systemd-logind.service",
    "systemd.mask=systemd-udevd.service", "systemd.mask=systemd-udev-trigger.service",
    "systemd.mask=systemd-udevd-kernel.socket", "systemd.mask=systemd-udevd-control.socket")
BOOT_TIMEOUT = 1800  # seconds; 2 minutes on an idle machine


# Where _install() and semodule write.
CHANGED = ("etc", "root", GUEST_FILES, "usr/lib/systemd", "usr/lib/sysusers.d",
           "usr/lib/tmpfiles.d", "usr/local", "usr/share/openvswitch", "var/lib/selinux")


def label(root, folders):
    subprocess.run(["setfiles", "-F", "-r", root, root / CONTEXTS / "file_contexts",
                    *(root / folder for folder in folders)], check=True,
                   stdout=subprocess.DEVNULL)


class Machine:
    def __init__(self, roots):
        self.lower = debian_root(roots, "bookworm", PACKAGES)
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="ovsdbd-selinux-", dir=roots))
        self.image = self.base / "disk"
        self.root = self.base / "root"
        self.root.mkdir()

    @contextlib.contextmanager
    def mounted(self, image):
        if subprocess.run(["mount", "-o", "loop", image, self.root], check=False).returncode:
            pytest.skip("cannot mount a disk image")
        try:
            yield
        finally:
            subprocess.run(["umount", self.root], check=True)

    def make_image(self, build):
        """The image of the system, kept for the next run, with the build installed in a copy."""
        kept = self.lower.with_suffix(".image")
        if not kept.exists():
            unfinished = self.base / "unfinished"
            subprocess.run(["truncate", "-s", "2G", unfinished], check=True)
            subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", unfinished], check=True)
            with self.mounted(unfinished):
                subprocess.run(["cp", "-a", f"{self.lower}/.", self.root], check=True)
                label(self.root, [""])
            unfinished.rename(kept)
        subprocess.run(["cp", "--sparse=always", kept, self.image], check=True)
        with self.mounted(self.image):
            self._install(build)
            self._install_module()

    def _install(self, build):
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet",
                        "--destdir", self.root], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["systemd-sysusers", f"--root={self.root}", "ovsdbd.conf"], check=True,
                       stderr=subprocess.DEVNULL)
        for name in MASKED:
            (self.root / f"etc/systemd/system/{name}.service").symlink_to("/dev/null")
        files = self.root / GUEST_FILES
        files.mkdir(parents=True)
        for name in ("inside.py", "probe.py"):
            shutil.copy(HERE / name, files)
        schemas = self.root / "usr/share/openvswitch"
        schemas.mkdir(parents=True, exist_ok=True)
        shutil.copy(SCHEMA, schemas)
        # A program of the type that starts in the domain: see probe.py.
        shutil.copy(self.root / "usr/bin/python3", files / "confined-python3")
        (self.root / "etc/systemd/system/ovsdbd-selinux.service").write_text(UNIT)
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        (wants / "ovsdbd-selinux.service").symlink_to("/etc/systemd/system/ovsdbd-selinux.service")

    def _install_module(self):
        """Builds and installs the module, with every refusal logged (semodule -D), and labels."""
        for path in (SOURCE / "selinux").glob("ovsdbd.*"):
            shutil.copy(path, self.base)
        subprocess.run(["make", "-C", self.base, "-f", POLICY_MAKEFILE, "ovsdbd.pp"], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copy(self.base / "ovsdbd.pp", self.root / "root")
        result = run_in(self.root, "semodule", "-n", "-D", "-i", "/root/ovsdbd.pp")
        assert result.returncode == 0, result.stdout
        with open(self.root / CONTEXTS / "file_contexts.local", "a", encoding="ascii") as local:
            local.write(f"/{GUEST_FILES}/confined-python3\t--\tsystem_u:object_r:ovsdbd_exec_t:s0\n")
        config = self.root / "etc/selinux/config"
        config.write_text(config.read_text().replace("SELINUX=permissive", "SELINUX=enforcing"))
        label(self.root, CHANGED)

    def run(self):
        """Boots, waits until the tests inside have ended, and returns the lines they wrote."""
        kernel, = (self.lower / "boot").glob("vmlinuz-*")
        results = self.base / "results"
        subprocess.run(
            ["nice", "-n", "19", "qemu-system-x86_64", "-accel", "tcg", "-smp", "1",
             "-m", "1024", "-display", "none", "-no-reboot", "-nic", "none",
             # The clock inside counts instructions: no timeout there depends on the load here.
             "-icount", "shift=1,sleep=off",
             "-serial", f"file:{self.base}/console", "-serial", f"file:{results}",
             # A disk whose driver is part of the kernel: no initrd.
             "-drive", f"file={self.image},format=raw,if=none,id=disk,cache=unsafe",
             "-device", "nvme,drive=disk,serial=1",
             "-kernel", kernel, "-append", " ".join(KERNEL_OPTIONS)],
            check=True, stdin=subprocess.DEVNULL, timeout=BOOT_TIMEOUT)
        return results.read_text(errors="replace").replace("\r", "").splitlines()

    def console(self):
        return (self.base / "console").read_text(errors="replace")

    def close(self):
        shutil.rmtree(self.base)
