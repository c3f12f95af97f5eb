"""Does everything to a read-only file that leaves it as it is, and tells each result."""

import fcntl
import os
import select
import sys

PATH = sys.argv[1]
FOLDER = os.path.dirname(PATH)


def tell(name, call):
    try:
        print(name, call())
    except OSError as error:
        print(name, error.strerror)


def opened(path=PATH, flags=os.O_RDONLY):
    return os.open(path, flags)


def polled():
    poll = select.poll()
    poll.register(opened())
    return [events for _, events in poll.poll(0)]


def copied():
    target = os.open("copy", os.O_CREAT | os.O_WRONLY)
    os.unlink("copy")
    return os.copy_file_range(opened(), target, 99)


tell("symlink over it", lambda: os.symlink("x", PATH))
tell("mkdir over it", lambda: os.mkdir(PATH))
tell("mkdir below it", lambda: os.mkdir(PATH + "/a"))
tell("mkfifo over it", lambda: os.mkfifo(PATH))
tell("rmdir", lambda: os.rmdir(PATH))
tell("open below it", lambda: opened(PATH + "/a"))
tell("open with a dot", lambda: opened(PATH + "/."))
tell("open with a slash", lambda: opened(PATH + "/"))
tell("open as a folder", lambda: opened(PATH, os.O_DIRECTORY))
tell("open exclusively", lambda: opened(PATH, os.O_CREAT | os.O_EXCL))
tell("chdir", lambda: os.chdir(PATH))
tell("listdir", lambda: sorted(os.listdir(FOLDER)))
tell("relative to its folder", lambda: os.read(os.open(os.path.basename(PATH), 0, dir_fd=opened(FOLDER)), 5))
tell("execute", lambda: os.execv(PATH, ["x"]))
tell("statvfs", lambda: os.statvfs(PATH).f_bsize > 0)
tell("getxattr", lambda: os.getxattr(PATH, "user.a"))
tell("listxattr", lambda: os.listxattr(PATH))
tell("pathconf", lambda: os.pathconf(PATH, "PC_NAME_MAX"))
tell("realpath", lambda: os.path.realpath(FOLDER + "/../" + os.path.basename(FOLDER) + "/./password"))
tell("readlink", lambda: os.readlink(PATH))
tell("its link in /proc", lambda: os.readlink(f"/proc/self/fd/{opened()}"))
tell("opened again", lambda: os.read(opened(f"/proc/self/fd/{opened()}"), 5))
tell("/dev/fd", lambda: os.read(opened(f"/dev/fd/{opened()}"), 5))
tell("sendfile", lambda: os.sendfile(os.memfd_create("x"), opened(), 0, 99))
tell("copy_file_range", copied)
tell("splice", lambda: os.splice(opened(), os.pipe()[1], 99))
tell("readv", lambda: os.readv(opened(), [bytearray(5), bytearray(99)]))
tell("poll", polled)
tell("epoll", lambda: select.epoll().register(opened()))
tell("select", lambda: len(select.select([opened()], [], [], 0)[0]))
tell("shared lock", lambda: fcntl.lockf(opened(), fcntl.LOCK_SH))
tell("exclusive lock", lambda: fcntl.lockf(opened(), fcntl.LOCK_EX | fcntl.LOCK_NB))
tell("flock", lambda: fcntl.flock(opened(), fcntl.LOCK_EX | fcntl.LOCK_NB))
tell("write", lambda: os.write(opened(), b"x"))
tell("ftruncate", lambda: os.ftruncate(opened(), 0))
tell("fsync", lambda: os.fsync(opened()))
tell("F_GETFL", lambda: fcntl.fcntl(opened(), fcntl.F_GETFL) & os.O_ACCMODE)
tell("FIONREAD", lambda: fcntl.ioctl(opened(), 0x541B, bytes(4)))
tell("TCGETS", lambda: os.ttyname(opened()))
