//! Servers that read secrets at their start, or in their workers.

use crate::row::{ROW, Row};

/// `nobody`, whose number is this on every Linux.
const NOBODY: u32 = 65534;

/// Temporary folders and logs in the row's folder.
const NGINX_HEAD: &str = "daemon off; error_log stderr; pid {here}/nginx.pid; user www-data;
worker_processes 2;
events {}
http {
  access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  include {here}/server.conf;
}
";

const NGINX: Row = Row {
    command: &[
        "nginx",
        "-p",
        "{here}",
        "-e",
        "stderr",
        "-c",
        "{here}/nginx.conf",
    ],
    ..ROW
};

const SSHD: &str = "Port {port}
ListenAddress 127.0.0.1
HostKey {dir}/host
UsePAM no
PidFile none
";

const FPM: &str = "[global]
error_log = /proc/self/fd/2
daemonize = no
[www]
listen = 127.0.0.1:{port}
user = root
group = root
pm = static
pm.max_children = 2
clear_env = no
";

const PHP: &str = "<?php echo @file_get_contents('{dir}/password'), getenv('CT_SECRET'), $_SERVER['CT_SECRET'] ?? 'none', filesize('{dir}/password');";

const SUPERVISORD: &str = "[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={here}/supervisord.pid
user=root
[inet_http_server]
port=127.0.0.1:{port}
username=me
password=%(ENV_CT_SECRET)s
[program:one]
command=sh -c 'cat {dir}/password >{here}/out.new; mv {here}/out.new {here}/out; exec sleep 60'
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
";

rows! {
    nginx_key: Row {
        reads: "the TLS key, by root; workers are another user",
        files: &[("server.key", "{server.key}")],
        beside: &[
            ("nginx.conf", NGINX_HEAD),
            ("server.conf", "server { listen 127.0.0.1:{port} ssl; ssl_certificate {here}/server.crt; ssl_certificate_key {dir}/server.key; location / { return 200 \"served\\n\"; } }"),
            ("server.crt", "{server.crt}"),
            ("ca.crt", "{ca.crt}"),
        ],
        ask: &["curl", "-sS", "--cacert", "{here}/ca.crt", "https://localhost:{port}/"],
        root: true,
        ..NGINX
    };
    nginx_include: Row {
        reads: "include, with a pattern",
        files: &[("conf.d/secret.conf", "server { listen 127.0.0.1:{port}; server_name secret; location / { return 200 \"{marker}\\n\"; } }\n")],
        // A pattern that fits nothing is no error, so another server answers then.
        beside: &[("nginx.conf", NGINX_HEAD), ("server.conf", "server { listen 127.0.0.1:{port} default_server; return 404; } include {dir}/conf.d/*.conf;")],
        ask: &["curl", "-sS", "-H", "Host: secret", "http://127.0.0.1:{port}/"],
        root: true,
        ..NGINX
    };
    nginx_htpasswd: Row {
        reads: "auth_basic_user_file, by the worker, at each request; the worker is root here",
        files: &[("htpasswd", "me:{PLAIN}{marker}\n")],
        beside: &[
            ("nginx.conf", "daemon off; master_process off; error_log stderr; pid {here}/nginx.pid; events {} http { access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi; server { listen 127.0.0.1:{port}; root {here}; auth_basic x; auth_basic_user_file {dir}/htpasswd; } }"),
            ("page", "let in\n"),
        ],
        ask: &["curl", "-sS", "-u", "me:{marker}", "http://127.0.0.1:{port}/page"],
        ..NGINX
    };
    sshd_host_key: Row {
        reads: "the host key; a new program and a sandbox for each connection",
        files: &[("host", "{ssh}")],
        beside: &[("sshd_config", SSHD)],
        prepare: "mkdir -p /run/sshd",
        command: &["{bin sshd}", "-D", "-e", "-f", "{here}/sshd_config"],
        ask: &["sh", "-c", "ssh-keyscan -t ed25519 -p {port} 127.0.0.1 2>/dev/null | grep ssh-"],
        root: true,
        ..ROW
    };
    postgres_key: Row {
        reads: "its TLS key, with the permission check, as another user",
        files: &[("server.key", "{server.key}")],
        beside: &[("server.crt", "{server.crt}"), ("ca.crt", "{ca.crt}")],
        prepare: "mkdir {here}/pg; chown 65534:65534 {here}/pg
setpriv --reuid=65534 --regid=65534 --clear-groups {bin initdb} -D {here}/pg/data -U owner --auth=trust --encoding=UTF8 --locale=C --no-sync >{here}/initdb.log",
        command: &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "{bin postgres}", "-D", "{here}/pg/data", "-h", "127.0.0.1", "-p", "{port}", "-k", "", "-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file={here}/server.crt", "-c", "ssl_key_file={dir}/server.key"],
        ask: &["psql", "-XtAw", "host=127.0.0.1 port={port} user=owner dbname=postgres sslmode=verify-ca sslrootcert={here}/ca.crt", "-c", "select ssl from pg_stat_ssl where pid = pg_backend_pid()"],
        owner: NOBODY,
        root: true,
        ..ROW
    };
    redis_include: Row {
        reads: "include of a password file",
        files: &[("password.conf", "requirepass {marker}\n")],
        beside: &[("redis.conf", "bind 127.0.0.1\nport {port}\nsave \"\"\ninclude {dir}/password.conf\n")],
        command: &["redis-server", "{here}/redis.conf"],
        ask: &["sh", "-c", "REDISCLI_AUTH={marker} redis-cli -p {port} ping | grep PONG"],
        ..ROW
    };
    redis_acl: Row {
        reads: "aclfile",
        files: &[("users.acl", "user default on >{marker} ~* &* +@all\n")],
        command: &["redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--save", "", "--aclfile", "{dir}/users.acl"],
        ask: &["sh", "-c", "REDISCLI_AUTH={marker} redis-cli -p {port} ping | grep PONG"],
        ..ROW
    };
    redis_tls: Row {
        reads: "tls-key-file",
        files: &[("server.key", "{server.key}")],
        beside: &[("server.crt", "{server.crt}"), ("ca.crt", "{ca.crt}")],
        command: &["redis-server", "--bind", "127.0.0.1", "--port", "0", "--tls-port", "{port}", "--save", "", "--tls-auth-clients", "no", "--tls-cert-file", "{here}/server.crt", "--tls-key-file", "{dir}/server.key", "--tls-ca-cert-file", "{here}/ca.crt"],
        ask: &["sh", "-c", "redis-cli --tls --cacert {here}/ca.crt -h localhost -p {port} ping | grep PONG"],
        ..ROW
    };
    php_fpm: Row {
        reads: "file_get_contents and getenv in a worker",
        variables: &[("CT_SECRET", "{marker}")],
        beside: &[("fpm.conf", FPM), ("x.php", PHP), ("fcgi.py", include_str!("programs/fcgi.py"))],
        command: &["php-fpm", "-n", "-F", "-R", "-y", "{here}/fpm.conf"],
        ask: &["python3", "{here}/fcgi.py", "{port}", "{here}/x.php"],
        root: true,
        ..ROW
    };
    gunicorn: Row {
        reads: "before and after the fork of its workers",
        variables: &[("CT_SECRET", "{marker}")],
        environment: &[("SECRET_FILE", "{dir}/password"), ("PYTHONDONTWRITEBYTECODE", "1")],
        beside: &[("app.py", include_str!("programs/app.py"))],
        command: &["gunicorn", "--workers=2", "--bind=127.0.0.1:{port}", "--preload", "app:app"],
        ask: &["curl", "-sS", "http://127.0.0.1:{port}/"],
        ..ROW
    };
    gunicorn_threads: Row {
        reads: "in threads of a worker, with a TLS key",
        files: &[("password", "{marker}\n"), ("server.key", "{server.key}")],
        variables: &[("CT_SECRET", "{marker}")],
        environment: &[("SECRET_FILE", "{dir}/password"), ("PYTHONDONTWRITEBYTECODE", "1")],
        beside: &[("app.py", include_str!("programs/app.py")), ("server.crt", "{server.crt}"), ("ca.crt", "{ca.crt}")],
        command: &["gunicorn", "--threads=4", "--bind=127.0.0.1:{port}", "--certfile={here}/server.crt", "--keyfile={dir}/server.key", "app:app"],
        ask: &["curl", "-sS", "--cacert", "{here}/ca.crt", "https://localhost:{port}/"],
        ..ROW
    };
    supervisord: Row {
        reads: "a program that it starts, after closing descriptors; a variable in its file",
        variables: &[("CT_SECRET", "{marker}")],
        beside: &[("supervisord.conf", SUPERVISORD)],
        command: &["supervisord", "-c", "{here}/supervisord.conf"],
        ask: &["sh", "-c", "curl -sSf -u me:{marker} http://127.0.0.1:{port}/ >/dev/null && grep -h . {here}/out && rm {here}/out"],
        root: true,
        ..ROW
    };
    node_https: Row {
        reads: "a TLS key",
        files: &[("server.key", "{server.key}")],
        beside: &[("server.crt", "{server.crt}"), ("ca.crt", "{ca.crt}")],
        command: &["node", "-e", "const f = require('fs'); const s = require('https').createServer({key: f.readFileSync('{dir}/server.key'), cert: f.readFileSync('{here}/server.crt')}, (q, r) => r.end('served\\n')); s.listen({port}, '127.0.0.1')"],
        ask: &["curl", "-sS", "--cacert", "{here}/ca.crt", "https://localhost:{port}/"],
        // Node has no handler: it dies of the signal.
        status: 143,
        ..ROW
    };
    openssl_server: Row {
        reads: "a TLS key",
        files: &[("server.key", "{server.key}")],
        beside: &[("server.crt", "{server.crt}"), ("ca.crt", "{ca.crt}"), ("page", "served\n")],
        command: &["openssl", "s_server", "-accept", "127.0.0.1:{port}", "-cert", "{here}/server.crt", "-key", "{dir}/server.key", "-WWW", "-quiet"],
        status: 143,
        ask: &["curl", "-sS", "--http0.9", "--cacert", "{here}/ca.crt", "https://localhost:{port}/page"],
        ..ROW
    };
    haproxy_key: Row {
        reads: "certificate and key in one file",
        files: &[("server.pem", "{server.crt}{server.key}")],
        beside: &[
            ("haproxy.cfg", "defaults\n mode http\n timeout client 10s\nfrontend one\n bind 127.0.0.1:{port} ssl crt {dir}/server.pem\n http-request return status 200 content-type text/plain string served\n"),
            ("ca.crt", "{ca.crt}"),
        ],
        command: &["haproxy", "-db", "-f", "{here}/haproxy.cfg"],
        ask: &["curl", "-sS", "--cacert", "{here}/ca.crt", "https://localhost:{port}/"],
        status: 143,
        ..ROW
    };
    memcached_auth: Row {
        reads: "-Y, a file of passwords",
        files: &[("auth", "me:{marker}\n")],
        command: &["memcached", "-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", "{port}", "-Y", "{dir}/auth"],
        ask: &["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'set a 0 0 35\\r\\nme {marker}\\r\\n' >&3 && head -n1 <&3"],
        root: true,
        ..ROW
    };
}
