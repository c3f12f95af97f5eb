//! How each situation of `docs/server.md` is made to happen.

use std::time::Duration;

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::server::fault::{self, ALWAYS, Ancient, Answer, Proxy, TcpFault};
use cloudtaser_tests::server::{Admin, Authority, Flaw, Kv, Server, Stage, unique};
use serde_json::json;

/// What every situation stands on: a secret, a role that may read it, and its login.
pub(crate) struct World<'a> {
    admin: &'a Admin,
    server: &'static Server,
    kv: Kv,
    /// The approle's mount; the role is `app`, its policy the world's.
    mount: String,
    role_id: String,
    policy: &'a str,
}

impl<'a> World<'a> {
    pub(crate) fn new(admin: &'a Admin, policy: &'a str) -> Self {
        let kv = admin.kv(&unique("kv"), 2);
        kv.put("db", &json!({ "password": "p4ss" }));
        kv.put("three", &json!({ "a": 1 }));
        admin.policy(
            policy,
            &format!(
                "path \"{}/data/*\" {{ capabilities = [\"read\"] }}",
                kv.mount
            ),
        );
        let mount = unique("approle");
        let role_id = admin.approle_login(&mount, "app", &[policy]);
        Self {
            admin,
            server: Server::shared(),
            kv,
            mount,
            role_id,
            policy,
        }
    }

    fn reference(&self, rest: &str) -> String {
        format!("vault:{}/{rest}", self.kv.mount)
    }

    /// Logs in with a good secret id, and asks for the good secret.
    fn login(&self, wrapper: Wrapper) -> Wrapper {
        let secret_id = self.admin.secret_id(&self.mount, "app");
        self.login_with(wrapper, &secret_id)
            .env("A", self.reference("db#password"))
    }

    fn login_with(&self, wrapper: Wrapper, secret_id: &str) -> Wrapper {
        wrapper
            .login("approle", &self.mount, "")
            .flag("--role-id", &self.role_id)
            .flag_file("--secret-id-file", secret_id)
            .env("CLOUDTASER_RETRIES", "0")
    }

    /// Nothing is wrong.
    pub(crate) fn good(&self) -> Wrapper {
        self.login(Wrapper::openbao(self.server))
    }

    /// The same by way of a proxy with rules.
    pub(crate) fn proxied(&self, rules: impl FnOnce(&Proxy)) -> Wrapper {
        let proxy = Proxy::new(self.server);
        rules(&proxy);
        self.through(proxy)
    }

    fn through(&self, proxy: Proxy) -> Wrapper {
        let pki = &self.server.pki;
        let at = Wrapper::openbao_at(&proxy.url(), &pki.authority, Some(&pki.client));
        self.login(at).keeping(proxy)
    }

    /// What is asked for the secret is answered so.
    fn answered(&self, answer: Answer) -> Wrapper {
        let path = format!("{}/data/", self.kv.mount);
        self.proxied(|proxy| {
            proxy.on("GET", &path, ALWAYS, answer);
        })
    }

    /// The server shows this certificate.
    fn showing(&self, flaw: Flaw) -> Wrapper {
        let certificate = self.server.pki.authority.server(flaw);
        self.through(Proxy::showing(self.server, &certificate))
    }

    /// Somebody else is asked.
    fn at(&self, url: &str) -> Wrapper {
        let pki = &self.server.pki;
        self.login(Wrapper::openbao_at(url, &pki.authority, Some(&pki.client)))
    }

    /// A server at another stage; the credentials are of no use there.
    fn stage(&self, stage: Stage) -> Wrapper {
        let server = Server::start(stage);
        self.login(Wrapper::openbao(&server)).keeping(server)
    }

    /// One more reference beside the good one.
    fn also(&self, reference: impl Into<std::ffi::OsString>) -> Wrapper {
        self.good().env("B", reference)
    }

    fn revoked(&self) -> Wrapper {
        let authority = &self.server.pki.authority;
        let certificate = authority.server(Flaw::None);
        let lists = authority.crl(&[&certificate]);
        self.through(Proxy::showing(self.server, &certificate))
            .flag_file("--crl", &lists)
    }

    fn token(&self, token: &str) -> Wrapper {
        let wrapper = Wrapper::openbao(self.server).token(token);
        wrapper.env("A", self.reference("db#password"))
    }

    fn wrapping(&self, wrapping: &str) -> Wrapper {
        self.login_with(Wrapper::openbao(self.server), wrapping)
            .flags(&["--auth-wrapped"])
            .env("A", self.reference("db#password"))
    }

    /// A server where `secret` has a policy for writes that lacks this one.
    fn pki(&self, may_issue: bool) -> Wrapper {
        let mount = unique("pki");
        self.admin.pki(&mount, "web");
        let rules = match may_issue {
            true => format!("path \"{mount}/issue/*\" {{ capabilities = [\"update\"] }}"),
            false => format!("path \"{mount}/roles/*\" {{ capabilities = [\"read\"] }}"),
        };
        let kv = format!(
            "path \"{}/data/*\" {{ capabilities = [\"read\"] }}",
            self.kv.mount
        );
        self.admin.policy(self.policy, &format!("{kv}\n{rules}"));
        self.also(format!(
            ">>vault:{mount}/issue/none#x#{{\"common_name\":\"a\"}}"
        ))
    }
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A wrapper in that situation; `None` for one that nobody knows.
pub(crate) fn make(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    settings(situation, world)
        .or_else(|| network(situation, world))
        .or_else(|| tls(situation, world))
        .or_else(|| answers(situation, world))
        .or_else(|| logins(situation, world))
        .or_else(|| references(situation, world))
}

fn settings(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    let good = || world.good();
    let product = || Wrapper::product().env("A", world.reference("db#password"));
    let without_login =
        || Wrapper::openbao_at(&world.server.url(), &world.server.pki.authority, None);
    Some(match situation {
        "no address" => product().flag("--source", "openbao"),
        "no way to log in" => without_login().env("A", world.reference("db#password")),
        "plain http to another machine" => product().flag("--addr", "http://192.0.2.1:8200"),
        "address with a password" => product().flag("--addr", "https://me:secret@192.0.2.1"),
        "certificate without key" => {
            let wrapper = without_login().flag_file("--client-cert", "x");
            world.login(wrapper)
        }
        "unreadable authority" => product()
            .flag("--addr", world.server.url())
            .flag("--ca-cert", "/nowhere/ca.pem")
            .flag("--auth", "cert"),
        "insecure and a minimum" => good()
            .flags(&["--insecure-skip-verify"])
            .flag("--min-protection", "locked"),
        _ => return None,
    })
}

fn network(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    let path = format!("{}/data/", world.kv.mount);
    let slow = |wrapper: Wrapper| wrapper.flag("--request-timeout", "700ms");
    let server = || {
        let url = world.server.url();
        url.trim_start_matches("https://")
            .parse()
            .expect("an address")
    };
    let below_tls = |what| {
        let front = fault::tcp::before(server(), ALWAYS, what);
        world
            .at(&format!("https://{}", front.address))
            .keeping(front)
    };
    Some(match situation {
        "nobody listens" => world.at(fault::REFUSED),
        "host without address" => world.at(fault::UNRESOLVABLE),
        "never an answer" => slow(world.answered(Answer::Silent)),
        "slow drip" => slow(world.answered(Answer::DripBody(millis(100)))),
        "retries until the end" => world
            .proxied(|proxy| {
                proxy.on("GET", &path, ALWAYS, Answer::status(500));
            })
            .flag("--retries", "100")
            .flag("--total-timeout", "2s"),
        "an answer that outlasts everything" => {
            world.answered(Answer::Silent).flag("--total-timeout", "1s")
        }
        "cut in the middle" => world.answered(Answer::CutBody(20)),
        "no TLS" => world.at(&world.server.url_http().replace("http://", "https://")),
        "cut within the handshake" => below_tls(TcpFault::CutAfter(500)),
        _ => return None,
    })
}

fn tls(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    let authority = &world.server.pki.authority;
    Some(match situation {
        "TLS 1.1" => {
            let front = Ancient::Alert.start();
            world
                .at(&format!("https://{}", front.address))
                .keeping(front)
        }
        "expired certificate" => world.showing(Flaw::Expired),
        "certificate of tomorrow" => world.showing(Flaw::NotYetValid),
        "wrong name" => world.showing(Flaw::WrongName),
        "self-signed" => world.showing(Flaw::SelfSigned),
        "foreign authority" => {
            let certificate = Authority::new("another").server(Flaw::None);
            world.through(Proxy::showing(world.server, &certificate))
        }
        "revoked certificate" => world.revoked(),
        "no client certificate" => {
            world.login(Wrapper::openbao_at(&world.server.url(), authority, None))
        }
        "foreign client certificate" => {
            let client = Authority::new("another").client("app", Flaw::None);
            let at = Wrapper::openbao_at(&world.server.url(), authority, Some(&client));
            world.login(at)
        }
        _ => return None,
    })
}

fn answers(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    let warned = json!({ "errors": [], "warnings": ["Invalid path for a versioned engine"] });
    let leaderless =
        json!({ "errors": ["local node not active but active cluster node not found"] });
    Some(match situation {
        "redirect to another host" => world.answered(Answer::redirect("https://192.0.2.1/v1/x")),
        "redirect to itself" => world.answered(Answer::RedirectToSelf),
        "huge body" => world.answered(Answer::EndlessBody),
        "endless headers" => world.answered(Answer::EndlessHeaders),
        "no HTTP" => world.answered(Answer::Raw(b"SSH-2.0-x\r\n\r\n".to_vec())),
        "no JSON" => world.answered(Answer::text(200, "<html>")),
        "wrong types" => world.answered(Answer::json(200, &json!({ "data": "x" }))),
        "429" => world.answered(Answer::status(429)),
        "500" => world.answered(Answer::status(500)),
        "sealed" => world.stage(Stage::Sealed),
        "uninitialised" => world.stage(Stage::Uninitialised),
        "standby without leader" => world.answered(Answer::json(500, &leaderless)),
        "404 with warnings" => world.answered(Answer::json(404, &warned)),
        _ => return None,
    })
}

fn logins(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    let by_cert = |mount: &str| {
        let wrapper = Wrapper::openbao(world.server).login("cert", mount, "nobody");
        wrapper.env("A", world.reference("db#password"))
    };
    Some(match situation {
        "login refused" => {
            let wrapper = Wrapper::openbao(world.server)
                .flag("--auth", "approle")
                .flag("--role-id", &world.role_id)
                .flag_file("--secret-id-file", "wrong")
                .env("A", world.reference("db#password"));
            world.admin_mount("approle");
            wrapper
        }
        "no such role" => {
            world.admin_mount("cert");
            by_cert("cert")
        }
        "no such login mount" => by_cert("nowhere"),
        "wrong namespace" => world
            .proxied(|proxy| {
                proxy.on("POST", "login", ALWAYS, Answer::status(404));
            })
            .flag("--namespace", "nowhere"),
        "invalid token" => world.token("hvs.invalid"),
        "wrapping token used before" => {
            let wrapping = world.admin.wrapped_secret_id(&world.mount, "app");
            let _answer = world
                .admin
                .with_token(&wrapping)
                .write("sys/wrapping/unwrap", &json!(null));
            world.wrapping(&wrapping)
        }
        "wrapped by another path" => {
            let forged = json!({ "secret_id": "x" });
            let wrapping = world
                .admin
                .wrapped("POST", "sys/wrapping/wrap", &forged, "60s");
            world.wrapping(&wrapping)
        }
        _ => return None,
    })
}

impl World<'_> {
    /// A login at its default mount, once for all rows.
    fn admin_mount(&self, kind: &str) {
        if self.admin.read("sys/auth")["data"]
            .get(format!("{kind}/"))
            .is_none()
        {
            self.admin.enable_login(kind, kind);
        }
    }
}

fn references(situation: &str, world: &World<'_>) -> Option<Wrapper> {
    let kv = &world.kv;
    Some(match situation {
        "forbidden path" => {
            let other = world.admin.kv(&unique("kv"), 2);
            other.put("db", &json!({ "password": "x" }));
            let metadata = format!(
                "path \"{}/metadata/*\" {{ capabilities = [\"list\"] }}",
                other.mount
            );
            let rules = format!(
                "path \"{}/data/*\" {{ capabilities = [\"read\"] }}",
                kv.mount
            );
            world
                .admin
                .policy(world.policy, &format!("{metadata}\n{rules}"));
            world.also(format!("vault:{}/db#password", other.mount))
        }
        "forbidden write" => world.pki(false),
        "no such dynamic role" => world.pki(true),
        "no such mount" => world.also("vault:nowhere/db#password"),
        "no secret" => world.also(world.reference("none#password")),
        "deleted version" => {
            kv.put("gone", &json!({ "a": 1 }));
            kv.delete("gone");
            world.also(world.reference("gone#a"))
        }
        "destroyed version" => {
            kv.put("gone", &json!({ "a": 1 }));
            kv.destroy("gone", &[1]);
            world.also(world.reference("gone#a#1"))
        }
        "no such version" => world.also(world.reference("db#password#9")),
        "no such field" => world.also(world.reference("db#pasword")),
        "version where there is none" => {
            let old = world.admin.kv(&unique("kv"), 1);
            old.put("db", &json!({ "a": 1 }));
            let rules = format!("path \"{}/*\" {{ capabilities = [\"read\"] }}", old.mount);
            let data = format!(
                "path \"{}/data/*\" {{ capabilities = [\"read\"] }}",
                kv.mount
            );
            world
                .admin
                .policy(world.policy, &format!("{rules}\n{data}"));
            world.also(format!("vault:{}/db#a#1", old.mount))
        }
        "ciphertext without key" => world.also("vault:v1:AAAA"),
        _ => return None,
    })
}
