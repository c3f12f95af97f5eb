//! Every way in which a program starts another one: the child gets the variable, and the kernel's
//! copy of its environment does not show it.

use crate::row::{CHILD, Expected, MUSL, Row, VARIABLE};

/// The command is in an ordinary variable as well.
const fn starts(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        environment: &[("CHILD", CHILD)],
        expected: Expected::Hidden,
        ..VARIABLE
    }
}

const fn musl(row: Row) -> Row {
    Row {
        library: MUSL.library,
        ..row
    }
}

rows! {
    bash_child: starts("fork, execve", &["bash", "-c", "sh -c \"$1\"; eval \"$1\"; exec sh -c \"$1\"", "bash", CHILD]);
    dash_child: starts("vfork, execve", &["dash", "-c", "sh -c \"$1\"; exec sh -c \"$1\"", "dash", CHILD]);
    dash_musl_child: musl(starts("vfork, execve", &["musl-dash", "-c", "sh -c \"$1\"; exec sh -c \"$1\"", "dash", CHILD]));
    env_child: starts("execvp", &["env", "A=b", "sh", "-c", CHILD]);
    xargs_child: starts("execvp", &["sh", "-c", "printf '%s\\0' \"$1\" | xargs -0 sh -c", "sh", CHILD]);
    find_child: starts("execvp", &["find", "/", "-maxdepth", "0", "-exec", "sh", "-c", CHILD, ";"]);
    python_system: starts("system", &["/usr/bin/python3", "-c", "import os, sys; os.system(sys.argv[1])", CHILD]);
    python_run: starts("vfork, execve", &["/usr/bin/python3", "-c", "import subprocess, sys; subprocess.run(['sh', '-c', sys.argv[1]])", CHILD]);
    python_spawn: starts("posix_spawn", &["/usr/bin/python3", "-c", "import os, sys; os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', sys.argv[1]], os.environ), 0)", CHILD]);
    python_exec: starts("execve with an environment of its own", &["/usr/bin/python3", "-c", "import os, sys; os.execvpe('sh', ['sh', '-c', sys.argv[1]], dict(os.environ, A='b'))", CHILD]);
    perl_system: starts("execvp", &["perl", "-e", "system($ARGV[0]); print `$ARGV[0]`; exec($ARGV[0])", CHILD]);
    ruby_system: starts("vfork, execve", &["ruby", "-e", "system(ARGV[0]); $stdout.flush; print `#{ARGV[0]}`; $stdout.flush; exec(ARGV[0])", CHILD]);
    php_shell: starts("popen, posix_spawn", &["php", "-n", "-r", "echo shell_exec($argv[1]); passthru($argv[1]); proc_close(proc_open($argv[1], [], $p));", CHILD]);
    node_exec: starts("uv_spawn", &["node", "-e", "const c = require('child_process'); process.stdout.write(c.execSync(process.argv[1])); c.spawnSync('sh', ['-c', process.argv[1]], {stdio: 'inherit'})", CHILD]);
    gawk_system: starts("system, popen", &["gawk", "BEGIN { system(ENVIRON[\"CHILD\"]); while ((ENVIRON[\"CHILD\"] | getline x) > 0) print x }"]);
    mawk_system: starts("system, fork", &["mawk", "BEGIN { system(ENVIRON[\"CHILD\"]); while ((ENVIRON[\"CHILD\"] | getline x) > 0) print x }"]);
    busybox_system: starts("system, popen", &["busybox", "awk", "BEGIN { system(ENVIRON[\"CHILD\"]); while ((ENVIRON[\"CHILD\"] | getline x) > 0) print x }"]);
    busybox_musl_system: musl(starts("system, popen", &["musl-busybox", "awk", "BEGIN { system(ENVIRON[\"CHILD\"]); while ((ENVIRON[\"CHILD\"] | getline x) > 0) print x }"]));
    lua_popen: starts("system, popen", &["lua5.4", "-e", "os.execute(os.getenv('CHILD')) io.write(io.popen(os.getenv('CHILD')):read('a'))"]);
    lua_musl_popen: musl(starts("system, popen", &["musl-lua", "-e", "os.execute(os.getenv('CHILD')) io.write(io.popen(os.getenv('CHILD')):read('a'))"]));
    java_process: starts("a helper program that starts it", &["java", "-cp", "{bin java-classes}", "Read", "process", CHILD]);
    setpriv_child: starts("as another user", &["setpriv", "--nnp", "sh", "-c", CHILD]);
    nice_child: starts("execvp", &["nice", "timeout", "9", "nohup", "setsid", "-w", "sh", "-c", CHILD]);
}
