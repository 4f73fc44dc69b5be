# SPDX-License-Identifier: Apache-2.0
"""Other code in the place of the server: tries what an intruder would. Prints its SELinux domain,
then "CAN NAME" or "CANNOT NAME: reason" for each attempt, then "DONE"."""
import ctypes
import os
import signal
import socket

ATTEMPTS = []
libc = ctypes.CDLL(None, use_errno=True)


def attempt(name):
    def keep(function):
        ATTEMPTS.append((name, function))
        return function
    return keep


def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)


def write(path, flags=os.O_WRONLY | os.O_CREAT):
    descriptor = os.open(path, flags, 0o600)
    os.write(descriptor, b"\n")
    os.close(descriptor)


def write_and_remove(path):
    write(path)
    os.unlink(path)


def connect(port):
    """A refused connection was allowed by the policy: no process listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
    except ConnectionRefusedError:
        pass


def listen(port):
    socket.create_server(("127.0.0.1", port)).close()


def run(path):
    """Starts a program in a child, which ends with 0 if it runs."""
    pid = os.posix_spawn(path, [path, "-c", "exit 0"], {})
    assert os.waitpid(pid, 0)[1] == 0


attempt("append to its log")(lambda: write("/var/log/ovsdb/probe.log",
                                           os.O_WRONLY | os.O_CREAT | os.O_APPEND))
attempt("use an unreserved port")(lambda: (listen(6640), connect(6640)))
attempt("write its database")(lambda: write_and_remove("/var/lib/openvswitch/probe.db"))

for path in ("/etc/shadow", "/root/.profile", "/proc/1/environ", "/proc/kcore", "/dev/nvme0n1",
             "/dev/kmsg", "/etc/selinux/default/policy/policy.33"):
    attempt(f"read {path}")(lambda path=path: open(path, "rb").read(1))
for folder in ("/", "/etc", "/etc/ovsdb", "/etc/openvswitch", "/etc/systemd/system", "/usr/bin",
               "/usr/lib", "/usr/share/openvswitch", "/var/lib", "/var/log", "/run", "/root",
               "/home", "/srv", "/boot", "/tmp", "/var/tmp", "/dev/shm"):
    attempt(f"write in {folder}")(lambda folder=folder: write_and_remove(f"{folder}/probe"))
for path in ("/etc/passwd", "/etc/ovsdb/ovsdb-server.conf", "/proc/sys/kernel/core_pattern",
             "/usr/bin/openssl"):
    attempt(f"change {path}")(lambda path=path: os.close(os.open(path, os.O_WRONLY | os.O_APPEND)))
attempt("empty its log")(lambda: os.truncate("/var/log/ovsdb/probe.log", 0))
attempt("connect to port 22")(lambda: connect(22))
attempt("connect to port 443")(lambda: connect(443))
attempt("listen on port 907")(lambda: listen(907))
attempt("connect to the system bus")(
    lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"))
attempt("open a packet socket")(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())
attempt("open a raw socket")(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt("run a shell")(lambda: run("/bin/sh"))
attempt("signal init")(lambda: os.kill(1, signal.SIGCONT))
attempt("trace init")(lambda: os.close(os.open("/proc/1/mem", os.O_RDONLY)))
attempt("mount")(lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None)
                 or call("umount", b"/mnt"))
attempt("change root")(lambda: os.chroot("/"))
attempt("change the owner of a file")(lambda: os.chown("/var/log/ovsdb/probe.log", 1, 1))
attempt("set the host name")(lambda: socket.sethostname("probe"))
attempt("raise its priority")(lambda: os.nice(-1))
attempt("set the enforcing mode")(
    lambda: os.write(os.open("/sys/fs/selinux/enforce", os.O_WRONLY), b"1"))


def main():
    print(open("/proc/self/attr/current", encoding="ascii").read().rstrip("\0\n").split(":")[2])
    for name, function in ATTEMPTS:
        try:
            function()
            print(f"CAN {name}", flush=True)
        except (OSError, AssertionError) as error:
            print(f"CANNOT {name}: {error}", flush=True)
    print("DONE", flush=True)


main()
