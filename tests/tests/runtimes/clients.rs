//! Clients of servers and tools that take keys and passwords from files.

use crate::row::{Library, ROW, Row};

/// nginx that wants a client certificate and tells its name.
const TLS_CONF: &str = "daemon off; master_process off; error_log stderr; pid {here}/nginx.pid;
events {}
http {
  access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {here}/server.crt; ssl_certificate_key {here}/server.key;
    ssl_client_certificate {here}/ca.crt; ssl_verify_client optional;
    location / { return 200 \"$ssl_client_verify $ssl_client_s_dn $http_authorization\\n\"; }
  }
}
";

const TLS_FILES: &[(&str, &str)] = &[
    ("nginx.conf", TLS_CONF),
    ("server.crt", "{server.crt}"),
    ("server.key", "{server.key}"),
    ("client.crt", "{client.crt}"),
    ("ca.crt", "{ca.crt}"),
];

/// A client of that nginx with a secret key.
const TLS: Row = Row {
    files: &[("client.key", "{client.key}")],
    beside: TLS_FILES,
    helper: &[
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

/// nginx without TLS, which tells who asks.
const PLAIN_CONF: &str = "daemon off; master_process off; error_log stderr; pid {here}/nginx.pid;
events {}
http {
  access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {
    listen 127.0.0.1:{port};
    location / { return 200 \"$http_authorization\\n\"; }
  }
}
";

const AWS: &str = "import botocore.session
c = botocore.session.Session().get_credentials()
print(c and (c.access_key, c.secret_key, c.method))";

const SSHD: &str = "Port {port}
ListenAddress 127.0.0.1
HostKey {here}/host
AuthorizedKeysFile {here}/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
";

rows! {
    openssl_public: Row {
        reads: "BIO_new_file, stdio",
        files: &[("key", "{server.key}")],
        command: &["openssl", "pkey", "-in", "{dir}/key", "-pubout"],
        ..ROW
    };
    openssl_password: Row {
        reads: "-pass file:",
        command: &["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-nosalt", "-a", "-pass", "file:{dir}/password", "-in", "/dev/null"],
        ..ROW
    };
    openssl_config: Row {
        reads: "OPENSSL_CONF with .include",
        files: &[("openssl.cnf", ".include {dir}/more.cnf\n"), ("more.cnf", "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN={marker}\n"), ("key", "{server.key}")],
        command: &["sh", "-c", "openssl req -new -config {dir}/openssl.cnf -key {dir}/key | openssl req -noout -subject"],
        ..ROW
    };
    openssl_verify: Row {
        reads: "-CAfile, -untrusted",
        files: &[("ca.crt", "{ca.crt}"), ("server.crt", "{server.crt}")],
        command: &["openssl", "verify", "-CAfile", "{dir}/ca.crt", "{dir}/server.crt"],
        ..ROW
    };
    gnutls_key: Row {
        reads: "gnutls_load_file",
        files: &[("key", "{server.key}")],
        command: &["certtool", "--load-privkey", "{dir}/key", "--pubkey-info"],
        ..ROW
    };
    gnutls_client: Row {
        reads: "a client key",
        command: &["sh", "-c", "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | gnutls-cli --x509cafile={here}/ca.crt --x509keyfile={dir}/client.key --x509certfile={here}/client.crt -p {port} 127.0.0.1 2>&1 | grep CN=client | tail -n1"],
        ..TLS
    };
    curl_key: Row {
        reads: "--key",
        command: &["curl", "-sS", "--cacert", "{here}/ca.crt", "--cert", "{here}/client.crt", "--key", "{dir}/client.key", "https://localhost:{port}/"],
        ..TLS
    };
    curl_netrc: Row {
        reads: "--netrc-file",
        files: &[("netrc", "machine localhost login me password {marker}\n")],
        command: &["curl", "-sS", "--cacert", "{here}/ca.crt", "--netrc-file", "{dir}/netrc", "https://localhost:{port}/"],
        ..TLS
    };
    curl_config: Row {
        reads: "--config, --header @file, --cacert",
        files: &[("curlrc", "header = \"@{dir}/header\"\ncacert = {dir}/ca.crt\n"), ("header", "Authorization: Bearer {marker}\n"), ("ca.crt", "{ca.crt}")],
        command: &["curl", "-sS", "--config", "{dir}/curlrc", "https://localhost:{port}/"],
        ..TLS
    };
    curl_upload: Row {
        reads: "file://",
        command: &["curl", "-sS", "file://{dir}/password"],
        ..ROW
    };
    curl_musl_netrc: Row {
        reads: "--netrc-file",
        library: Library::Musl,
        files: &[("netrc", "machine localhost login me password {marker}\n")],
        beside: &[("nginx.conf", PLAIN_CONF)],
        command: &["musl-curl", "-sS", "--netrc-file", "{dir}/netrc", "http://localhost:{port}/"],
        ..TLS
    };
    curl_musl_config: Row {
        reads: "--config, file://",
        library: Library::Musl,
        files: &[("curlrc", "url = \"file://{dir}/password\"\n"), ("password", "{marker}\n")],
        command: &["musl-curl", "-sS", "--config", "{dir}/curlrc"],
        ..ROW
    };
    git_credential: Row {
        reads: "the credential store",
        files: &[("credentials", "https://me:{marker}@git.invalid\n")],
        environment: &[("GIT_TERMINAL_PROMPT", "0")],
        command: &["sh", "-c", "printf 'protocol=https\\nhost=git.invalid\\n\\n' | git -c credential.helper='store --file={dir}/credentials' credential fill"],
        ..ROW
    };
    git_config: Row {
        reads: "include.path",
        files: &[("gitconfig", "[http]\n\textraHeader = \"Authorization: {marker}\"\n")],
        environment: &[("GIT_CONFIG_GLOBAL", "{here}/config"), ("GIT_CONFIG_NOSYSTEM", "1")],
        beside: &[("config", "[include]\n\tpath = {dir}/gitconfig\n")],
        command: &["git", "config", "--get", "http.extraHeader"],
        ..ROW
    };
    gpg_passphrase: Row {
        reads: "--passphrase-file",
        files: &[("passphrase", "{marker}")],
        prepare: "mkdir -m 700 {here}/.gnupg; printf sealed | gpg --batch --quiet --no-autostart --pinentry-mode loopback --s2k-count 65536 --passphrase {marker} -o {here}/sealed -c 2>&1",
        command: &["gpg", "--batch", "--quiet", "--no-autostart", "--pinentry-mode", "loopback", "--passphrase-file", "{dir}/passphrase", "-d", "{here}/sealed"],
        ..ROW
    };
    gpg_armour: Row {
        reads: "iobuf",
        prepare: "mkdir -m 700 {here}/.gnupg",
        files: &[("text", "{marker}\n")],
        command: &["sh", "-c", "gpg --batch --quiet --no-autostart -z 0 -o - --store {dir}/text | gpg --batch --quiet --no-autostart -o - -d"],
        ..ROW
    };
    aws_credentials: Row {
        reads: "AWS_SHARED_CREDENTIALS_FILE, botocore",
        files: &[("credentials", "[default]\naws_access_key_id = AKIA\naws_secret_access_key = {marker}\n")],
        environment: &[("AWS_SHARED_CREDENTIALS_FILE", "{dir}/credentials"), ("AWS_EC2_METADATA_DISABLED", "true")],
        command: &["venv-python", "-c", AWS],
        ..ROW
    };
    aws_variables: Row {
        reads: "AWS_SECRET_ACCESS_KEY, botocore",
        files: &[],
        variables: &[("AWS_SECRET_ACCESS_KEY", "{marker}"), ("AWS_ACCESS_KEY_ID", "AKIA")],
        environment: &[("AWS_EC2_METADATA_DISABLED", "true")],
        command: &["venv-python", "-c", AWS],
        ..ROW
    };
    mariadb_defaults: Row {
        reads: "--defaults-extra-file",
        files: &[("my.cnf", "[client]\npassword={marker}\n")],
        command: &["mariadb", "--defaults-extra-file={dir}/my.cnf", "--print-defaults"],
        ..ROW
    };
    mariadb_include: Row {
        reads: "!includedir",
        files: &[("conf.d/client.cnf", "[client]\npassword={marker}\n")],
        beside: &[("my.cnf", "!includedir {dir}/conf.d/\n")],
        command: &["my_print_defaults", "--defaults-file={here}/my.cnf", "client"],
        ..ROW
    };
    psql_passfile: Row {
        reads: "PGPASSFILE and its permission check",
        files: &[("pgpass", "127.0.0.1:{pg.port}:postgres:owner:{pg.password}\n")],
        environment: &[("PGPASSFILE", "{dir}/pgpass")],
        command: &["psql", "-XtAw", "-h", "127.0.0.1", "-p", "{pg.port}", "-U", "owner", "-d", "postgres", "-c", "select 1 + 1"],
        ..ROW
    };
    psql_password: Row {
        reads: "PGPASSWORD",
        files: &[],
        variables: &[("PGPASSWORD", "{pg.password}")],
        command: &["psql", "-XtAw", "-h", "127.0.0.1", "-p", "{pg.port}", "-U", "owner", "-d", "postgres", "-c", "select 1 + 1"],
        ..ROW
    };
    psql_service: Row {
        reads: "PGSERVICEFILE",
        files: &[("service", "[it]\nhost=127.0.0.1\nport={pg.port}\nuser=owner\ndbname=postgres\npassword={pg.password}\n")],
        environment: &[("PGSERVICEFILE", "{dir}/service")],
        command: &["psql", "-XtAw", "service=it", "-c", "select 1 + 1"],
        ..ROW
    };
    psql_sslkey: Row {
        reads: "sslkey and its permission check",
        files: &[("client.key", "{client.key}")],
        beside: &[("client.crt", "{client.crt}"), ("ca.crt", "{ca.crt}"), ("server.crt", "{server.crt}"), ("server.key", "{server.key}")],
        prepare: "mkdir {here}/pg; cp {here}/server.* {here}/pg; chmod 600 {here}/pg/server.key
chown -R 65534:65534 {here}/pg
setpriv --reuid=65534 --regid=65534 --clear-groups {bin initdb} -D {here}/pg/data -U owner --auth=trust --encoding=UTF8 --locale=C --no-sync >{here}/initdb.log
echo 'hostssl all all 127.0.0.1/32 trust clientcert=verify-ca' >{here}/pg/data/pg_hba.conf",
        helper: &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "{bin postgres}", "-D", "{here}/pg/data", "-h", "127.0.0.1", "-p", "{port}", "-k", "", "-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file={here}/pg/server.crt", "-c", "ssl_key_file={here}/pg/server.key", "-c", "ssl_ca_file={here}/ca.crt"],
        ready: &["pg_isready", "-q", "-h", "127.0.0.1", "-p", "{port}"],
        command: &["psql", "-XtAw", "host=127.0.0.1 port={port} user=owner dbname=postgres sslmode=verify-ca sslrootcert={here}/ca.crt sslcert={here}/client.crt sslkey={dir}/client.key", "-c", "select 1 + 1"],
        root: true,
        ..ROW
    };
    ssh_identity: Row {
        reads: "-i, with its permission check",
        files: &[("id", "{ssh}")],
        beside: &[("authorized", "{ssh.pub}"), ("sshd_config", SSHD)],
        prepare: "mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f {here}/host",
        helper: &["{bin sshd}", "-D", "-e", "-f", "{here}/sshd_config"],
        command: &["ssh", "-F", "none", "-i", "{dir}/id", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-p", "{port}", "127.0.0.1", "echo in"],
        root: true,
        ..ROW
    };
    ssh_public: Row {
        reads: "the public half of a private key",
        files: &[("id", "{ssh}")],
        command: &["ssh-keygen", "-y", "-f", "{dir}/id"],
        ..ROW
    };
    java_keystore: Row {
        reads: "keytool's -storepass:file",
        files: &[("password", "{marker}\n")],
        prepare: "keytool -genkeypair -keystore {here}/store.p12 -storepass {marker} -alias one -dname CN=one -keyalg EC 2>&1",
        command: &["keytool", "-list", "-rfc", "-keystore", "{here}/store.p12", "-storepass:file", "{dir}/password"],
        ..ROW
    };
    java_certificate: Row {
        reads: "keytool -printcert",
        files: &[("ca.crt", "{ca.crt}")],
        command: &["keytool", "-printcert", "-rfc", "-file", "{dir}/ca.crt"],
        ..ROW
    };
    redis_password: Row {
        reads: "a password on standard input",
        helper: &["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--requirepass", "{marker}"],
        command: &["sh", "-c", "(printf 'AUTH '; cat {dir}/password; echo PING) | redis-cli -p {port}"],
        ..ROW
    };
    jq_file: Row {
        reads: "a program, an argument and input, each a file",
        files: &[("a.json", "{\"password\": \"{marker}\"}"), ("x.jq", ".password + $more[0].password")],
        command: &["jq", "-f", "{dir}/x.jq", "--slurpfile", "more", "{dir}/a.json", "{dir}/a.json"],
        ..ROW
    };
    wget_config: Row {
        reads: "--config, --ca-certificate, --private-key",
        files: &[("wgetrc", "header = Authorization: {marker}\n"), ("ca.crt", "{ca.crt}"), ("client.key", "{client.key}")],
        command: &["wget", "-qO-", "--config={dir}/wgetrc", "--ca-certificate={dir}/ca.crt", "--certificate={here}/client.crt", "--private-key={dir}/client.key", "https://localhost:{port}/"],
        ..TLS
    };
    wget_post: Row {
        reads: "--post-file",
        // nginx tells the body's length only.
        beside: &[("nginx.conf", "daemon off; master_process off; error_log stderr; pid {here}/nginx.pid; events {} http { access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi; server { listen 127.0.0.1:{port}; location / { return 200 \"$content_length\n\"; } } }")],
        files: &[("password", "{marker}\n")],
        command: &["wget", "-qO-", "--post-file={dir}/password", "http://127.0.0.1:{port}/"],
        ..TLS
    };
}
