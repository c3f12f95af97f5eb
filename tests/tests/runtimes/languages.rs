//! Interpreters and virtual machines.

use crate::row::{MUSL, ROW, Row, VARIABLE};

/// Two files in two folders, one of several lines.
const TREE: &[(&str, &str)] = &[
    ("db/password", "{marker}\n"),
    ("db/user", "somebody"),
    ("notes", "one\ntwo {marker}\nthree\n"),
];

/// A row for one line of a language, in which the file is the first argument.
const fn line(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        ..ROW
    }
}

const fn variable(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        ..VARIABLE
    }
}

const fn tree(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        files: TREE,
        ..ROW
    }
}

const fn musl(row: Row) -> Row {
    Row {
        library: MUSL.library,
        ..row
    }
}

const FILE: &str = "{dir}/password";

const PYTHON_MMAP: &str = "import mmap, sys
with open(sys.argv[1], 'rb') as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
    print(m[:], m.find(b'a'), len(m))";

const PYTHON_OS: &str = "import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC)
st = os.fstat(fd)
print(oct(st.st_mode), st.st_size, os.read(fd, 3), os.pread(fd, 99, 3), os.lseek(fd, 0, 2))
os.close(fd)";

const PYTHON_INHERIT: &str = "import os, subprocess, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
subprocess.run(['cat', f'/dev/fd/{fd}', sys.argv[1]], pass_fds=[fd], check=True)
subprocess.run(['head', '-c', '5'], stdin=fd, check=True)";

const PYTHON_WALK: &str = "import os, pathlib, sys, glob
for base, folders, files in sorted(os.walk(sys.argv[1])):
    print(base, sorted(folders), sorted(files))
print(sorted(glob.glob(sys.argv[1] + '/*/*')))
for p in sorted(pathlib.Path(sys.argv[1]).rglob('*')):
    print(p, p.is_file(), p.stat().st_size if p.is_file() else '')
    print([p.read_text() for _ in '1' if p.is_file()])";

const PYTHON_COPY: &str = "import shutil, sys, os
shutil.copyfile(sys.argv[1], 'copy'); print(open('copy').read()); os.remove('copy')";

const PYTHON_DENIED: &str = "import sys
for mode in ('r+', 'w', 'a', 'x'):
    try: open(sys.argv[1], mode)
    except OSError as e: print(mode, type(e).__name__)
    else: print(mode, 'opened')";

const PYTHON_ASYNC: &str = "import asyncio, pathlib, sys
async def main():
    print(await asyncio.gather(*[asyncio.to_thread(pathlib.Path(sys.argv[1]).read_text) for _ in range(8)]))
    p = await asyncio.create_subprocess_exec('cat', sys.argv[1], stdout=asyncio.subprocess.PIPE)
    print(await p.communicate())
asyncio.run(main())";

rows! {
    python_open: line("open, buffered", &["/usr/bin/python3", "-c", "import sys; print(open(sys.argv[1]).read())", FILE]);
    python_unbuffered: line("open, raw", &["/usr/bin/python3", "-c", "import sys; print(open(sys.argv[1], 'rb', buffering=0).readall())", FILE]);
    python_os_open: line("open, fstat, read, pread, lseek", &["/usr/bin/python3", "-c", PYTHON_OS, FILE]);
    python_mmap: line("mmap", &["/usr/bin/python3", "-c", PYTHON_MMAP, FILE]);
    python_walk: tree("opendir, scandir, stat, glob", &["/usr/bin/python3", "-c", PYTHON_WALK, "{dir}"]);
    python_inherited: line("a descriptor inherited by programs", &["/usr/bin/python3", "-c", PYTHON_INHERIT, FILE]);
    python_subprocess: line("vfork, exec, another program", &["/usr/bin/python3", "-c", "import subprocess, sys; print(subprocess.check_output(['cat', sys.argv[1]]))", FILE]);
    python_workers: Row {
        reads: "fork, forkserver, spawn",
        beside: &[("workers.py", include_str!("programs/workers.py"))],
        command: &["/usr/bin/python3", "workers.py", FILE],
        ..ROW
    };
    python_copy: line("sendfile", &["/usr/bin/python3", "-c", PYTHON_COPY, FILE]);
    python_async: line("threads", &["/usr/bin/python3", "-c", PYTHON_ASYNC, FILE]);
    python_environ: variable("os.environ, and a program's", &["/usr/bin/python3", "-c", "import os, subprocess; print(os.environ['CT_SECRET']); subprocess.run(['printenv', 'CT_SECRET'])"]);
    python_environb: variable("os.environb, os.getenv, and changes", &["/usr/bin/python3", "-c", "import os; print(os.environb[b'CT_SECRET'], os.getenv('CT_SECRET')); del os.environ['CT_SECRET']; os.system('echo ${CT_SECRET-unset}')"]);
    python_on_path: line("open; the first on PATH may be a chain of scripts", &["python3", "-c", "import sys; print(open(sys.argv[1]).read())", FILE]);
    python_import: Row {
        reads: "a module that is a secret file",
        files: &[("settings.py", "PASSWORD = '{marker}'\n")],
        environment: &[("PYTHONPATH", "{dir}"), ("PYTHONDONTWRITEBYTECODE", "1")],
        command: &["/usr/bin/python3", "-c", "import settings; print(settings.PASSWORD)"],
        ..ROW
    };
    python_dotenv: Row {
        reads: "configparser and json",
        files: &[("app.ini", "[db]\npassword = {marker}\n"), ("app.json", "{\"password\": \"{marker}\"}")],
        command: &["/usr/bin/python3", "-c", "import configparser, json, sys; c = configparser.ConfigParser(); print(c.read(sys.argv[1] + '/app.ini'), c['db']['password'], json.load(open(sys.argv[1] + '/app.json')))", "{dir}"],
        ..ROW
    };
    python_operations: Row {
        reads: "every call that leaves the file as it is",
        beside: &[("operations.py", include_str!("programs/operations.py"))],
        command: &["/usr/bin/python3", "operations.py", FILE],
        ..ROW
    };
    python_refused: Row {
        // Root may write any real file: the first run is a user's who owns nothing here.
        reads: "open for writing",
        command: &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", PYTHON_DENIED, FILE],
        // Ours is on a file system that is read-only: EROFS, where a real one gives EACCES.
        normal: |text| text.replace("PermissionError", "OSError"),
        owner: 65534,
        root: true,
        ..ROW
    };

    node_sync: line("fs.readFileSync", &["node", "-e", "process.stdout.write(require('fs').readFileSync(process.argv[1]))", FILE]);
    node_promises: line("fs.promises.readFile, stat", &["node", "-e", "const f = require('fs').promises; f.readFile(process.argv[1], 'utf8').then(async t => console.log(t, (await f.stat(process.argv[1])).size))", FILE]);
    node_stream: line("fs.createReadStream", &["node", "-e", "require('fs').createReadStream(process.argv[1]).pipe(process.stdout)", FILE]);
    node_worker: line("a worker thread", &["node", "-e", "const w = require('worker_threads'); new w.Worker(`const w = require('worker_threads'); w.parentPort.postMessage([require('fs').readFileSync(w.workerData, 'utf8'), process.env.PATH.length > 0])`, {eval: true, workerData: process.argv[1]}).on('message', m => console.log(m))", FILE]);
    node_descriptor: line("fs.openSync, fstat, readSync", &["node", "-e", "const f = require('fs'); const d = f.openSync(process.argv[1]); const b = Buffer.alloc(9); console.log(f.fstatSync(d).size, f.readSync(d, b, 0, 9, 2), b.toString()); f.closeSync(d)", FILE]);
    node_directory: tree("fs.readdirSync", &["node", "-e", "const f = require('fs'); console.log(f.readdirSync(process.argv[1], {recursive: true}).sort(), f.existsSync(process.argv[1] + '/db/user'), f.realpathSync(process.argv[1] + '/db/../notes'))", "{dir}"]);
    node_copy: line("fs.copyFileSync", &["node", "-e", "const f = require('fs'); f.copyFileSync(process.argv[1], 'copy'); console.log(f.readFileSync('copy', 'utf8')); f.unlinkSync('copy')", FILE]);
    node_require: Row {
        reads: "require of a secret file",
        files: &[("secret.json", "{\"password\": \"{marker}\"}")],
        command: &["node", "-e", "console.log(require(process.argv[1]).password)", "{dir}/secret.json"],
        ..ROW
    };
    node_module: Row {
        reads: "an ES module that reads at its top",
        beside: &[("main.mjs", "import { readFile } from 'node:fs/promises';\nconsole.log(await readFile(process.argv[2], 'utf8'));\n")],
        command: &["node", "{here}/main.mjs", FILE],
        ..ROW
    };
    node_child: line("a child process", &["node", "-e", "console.log(require('child_process').execFileSync('cat', [process.argv[1]]).toString())", FILE]);
    node_environ: variable("process.env, and a child's", &["node", "-e", "console.log(process.env.CT_SECRET, require('child_process').execSync('printenv CT_SECRET').toString())"]);
    node_extra_ca: Row {
        reads: "NODE_EXTRA_CA_CERTS",
        files: &[("ca.crt", "{ca.crt}")],
        environment: &[("NODE_EXTRA_CA_CERTS", "{dir}/ca.crt")],
        command: &["node", "-e", "require('tls').createSecureContext(); console.log(1)"],
        // Without the file Node warns on standard error, which is all that it says.
        ..ROW
    };

    java_stream: line("FileInputStream", &["java", "-Xshare:auto", "-cp", "{bin java-classes}", "Read", "stream", FILE]);
    java_reader: line("FileReader", &["java", "-cp", "{bin java-classes}", "Read", "reader", FILE]);
    java_files: line("Files.readString, size", &["java", "-cp", "{bin java-classes}", "Read", "files", FILE]);
    java_channel: line("FileChannel, direct buffer", &["java", "-cp", "{bin java-classes}", "Read", "channel", FILE]);
    java_mapped: line("MappedByteBuffer", &["java", "-cp", "{bin java-classes}", "Read", "mapped", FILE]);
    java_copy: line("Files.copy", &["java", "-cp", "{bin java-classes}", "Read", "transfer", FILE]);
    java_random: line("RandomAccessFile", &["java", "-cp", "{bin java-classes}", "Read", "random", FILE]);
    java_config_tree: tree("Files.walk, as Spring's configtree", &["java", "-cp", "{bin java-classes}", "Read", "config-tree", "{dir}"]);
    java_properties: Row {
        reads: "Properties.load",
        files: &[("app.properties", "user=x\npassword={marker}\n")],
        command: &["java", "-cp", "{bin java-classes}", "Read", "properties", "{dir}/app.properties"],
        ..ROW
    };
    java_getenv: variable("System.getenv", &["java", "-cp", "{bin java-classes}", "Read", "env", "CT_SECRET"]);
    java_source: Row {
        reads: "Files.readString of a program in source form",
        beside: &[("Main.java", "class Main { public static void main(String[] a) throws Exception { System.out.print(java.nio.file.Files.readString(java.nio.file.Path.of(a[0]))); } }")],
        command: &["java", "{here}/Main.java", FILE],
        ..ROW
    };

    ruby_read: line("File.read", &["ruby", "-e", "print File.read(ARGV[0]), File.size(ARGV[0]), File.file?(ARGV[0])", FILE]);
    ruby_foreach: line("IO.foreach, seek", &["ruby", "-e", "IO.foreach(ARGV[0]) { |l| print l }; File.open(ARGV[0]) { |f| f.seek(-4, :END); p f.read, f.pos, f.stat.mode }", FILE]);
    ruby_copy: line("IO.copy_stream", &["ruby", "-e", "IO.copy_stream(ARGV[0], $stdout)", FILE]);
    ruby_directory: tree("Dir.glob", &["ruby", "-e", "puts Dir.glob(ARGV[0] + '/**/*').sort, Dir.children(ARGV[0]).sort", "{dir}"]);
    ruby_backtick: line("a shell", &["ruby", "-e", "print `cat #{ARGV[0]}`", FILE]);
    ruby_environ: variable("ENV, and a child's", &["ruby", "-e", "puts ENV['CT_SECRET'], `printenv CT_SECRET`, ENV.key?('CT_SECRET')"]);

    php_get: line("file_get_contents", &["php", "-n", "-r", "echo file_get_contents($argv[1]), filesize($argv[1]), is_readable($argv[1]);", FILE]);
    php_fopen: line("fopen, fgets, fseek", &["php", "-n", "-r", "$f = fopen($argv[1], 'r'); echo fgets($f); fseek($f, 2); echo fread($f, 9), fstat($f)['size'];", FILE]);
    php_include: Row {
        reads: "include of a secret file",
        files: &[("secret.php", "<?php return ['password' => '{marker}'];\n")],
        command: &["php", "-n", "-r", "var_dump((include $argv[1])['password']);", "{dir}/secret.php"],
        ..ROW
    };
    php_ini: Row {
        reads: "parse_ini_file, scandir, realpath",
        files: &[("app.ini", "password={marker}\n")],
        command: &["php", "-n", "-r", "var_dump(parse_ini_file($argv[1] . '/app.ini'), scandir($argv[1]), realpath($argv[1] . '/../' . basename($argv[1]) . '/app.ini'));", "{dir}"],
        ..ROW
    };
    php_environ: variable("getenv, $_SERVER", &["php", "-n", "-r", "echo getenv('CT_SECRET'), $_SERVER['CT_SECRET'], shell_exec('printenv CT_SECRET');"]);

    perl_open: line("open, <>", &["perl", "-e", "open(my $f, '<', $ARGV[0]) or die $!; print <$f>; print -s $ARGV[0]", FILE]);
    perl_sysopen: line("sysopen, sysread, sysseek", &["perl", "-MFcntl", "-e", "sysopen(my $f, $ARGV[0], O_RDONLY) or die $!; sysread($f, my $b, 5); print $b, sysseek($f, 1, 0); sysread($f, $b, 99); print $b", FILE]);
    perl_argv: line("<> over arguments, -n", &["perl", "-ne", "print \"$ARGV:$.:$_\"", FILE]);
    perl_directory: tree("opendir, File::Find", &["perl", "-MFile::Find", "-e", "find({ no_chdir => 1, preprocess => sub { sort @_ }, wanted => sub { print \"$_\\n\" } }, $ARGV[0])", "{dir}"]);
    perl_slurp: line("do, in-place pipes", &["perl", "-e", "open(my $p, '-|', 'cat', $ARGV[0]) or die; print <$p>", FILE]);
    perl_environ: variable("%ENV, and a child's", &["perl", "-e", "print $ENV{CT_SECRET}, `printenv CT_SECRET`"]);

    lua_read: line("io.open, io.lines", &["lua5.4", "-e", "for l in io.lines(arg[1]) do print(l) end f = io.open(arg[1]) f:seek('set', 3) print(f:read('a'), f:seek('end'))", "-", FILE]);
    lua_environ: variable("os.getenv, io.popen", &["lua5.4", "-e", "print(os.getenv('CT_SECRET'), io.popen('printenv CT_SECRET'):read('a'))"]);
    lua_musl_read: musl(line("io.open, io.lines", &["musl-lua", "-e", "for l in io.lines('{dir}/password') do print(l) end f = io.open('{dir}/password') f:seek('set', 3) print(f:read('a'), f:seek('end'))"]));
    lua_musl_dofile: musl(Row {
        reads: "dofile, require",
        files: &[("secret.lua", "return '{marker}'\n")],
        command: &["musl-lua", "-e", "package.path = '{dir}/?.lua' print(dofile('{dir}/secret.lua'), (require('secret')))"],
        ..ROW
    });
    lua_musl_environ: musl(variable("os.getenv, os.execute", &["musl-lua", "-e", "print(os.getenv('CT_SECRET')) os.execute('printenv CT_SECRET')"]));

    sqlite_read: line(".import, readfile()", &["sqlite3", ":memory:", "select readfile('{dir}/password'), length(readfile('{dir}/password'));"]);
    sqlite_script: Row {
        reads: ".read of a script",
        files: &[("key.sql", "select '{marker}';\n")],
        command: &["sqlite3", ":memory:", ".read {dir}/key.sql"],
        ..ROW
    };
    sqlite_musl_read: musl(line("readfile()", &["musl-sqlite3", ":memory:", "select readfile('{dir}/password'), length(readfile('{dir}/password'));"]));
    sqlite_musl_script: musl(Row {
        reads: ".read of a script",
        files: &[("key.sql", "select '{marker}';\n")],
        command: &["musl-sqlite3", ":memory:", ".read {dir}/key.sql"],
        ..ROW
    });

    java_keystore: Row {
        reads: "a keystore's password file",
        prepare: "keytool -genkeypair -alias a -keyalg EC -dname CN=x -storetype PKCS12 -keystore {here}/keys -storepass {marker}",
        command: &["keytool", "-list", "-keystore", "{here}/keys", "-storepass:file", "{dir}/password"],
        ..ROW
    };
    java_certificate: Row {
        reads: "a certificate in PEM",
        files: &[("ca.crt", "{ca.crt}")],
        command: &["keytool", "-printcert", "-file", "{dir}/ca.crt"],
        ..ROW
    };
}
