"""
Runs a command on a terminal of its own and takes the terminal away when told to.

terminal.py controlling|foreign -- command...

A controlling terminal hangs up with SIGHUP; a foreign one just goes. Text on the terminal is copied to standard
output. Lines on standard input: "close" takes the terminal away, "kill 15" sends a signal. The last line of standard
error is the exit code of the command, or minus the signal that ended it.
"""

import fcntl
import os
import select
import signal
import sys
import termios

mark = sys.argv.index("--")
wishes, command = sys.argv[1:mark], sys.argv[mark + 1 :]
master, slave = os.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    if "controlling" in wishes:
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(master)
    os.close(slave)
    os.execvp(command[0], command)
os.close(slave)

readers = [0, master]
while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    for fd in select.select(readers, [], [], 0.05)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            readers.remove(fd)
            if fd == 0:
                os.kill(pid, signal.SIGKILL)
        elif fd == master:
            os.write(1, data)
        else:
            for line in data.decode().split("\n"):
                if line == "close":
                    # nohup has closed the other end, where there was one to be left.
                    if master in readers:
                        readers.remove(master)
                    os.close(master)
                elif line.startswith("kill "):
                    os.kill(pid, int(line.split()[1]))
sys.stderr.write(f"{os.waitstatus_to_exitcode(status)}\n")
