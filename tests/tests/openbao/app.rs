//! A start of the product as the `run_…` tests make it: a policy and a login of its own, so that
//! the tokens that came from it can be counted.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Stdio};

use cloudtaser_tests::running::pid_of;
use cloudtaser_tests::server::fault::Proxy;
use cloudtaser_tests::server::{Admin, Kv, Server, unique};
use cloudtaser_tests::{Ended, Wrapper};
use serde_json::json;

/// Variables of a program.
pub(crate) type Environment = BTreeMap<String, Vec<u8>>;

/// Whoever may log in by approle, and what it may do then.
pub(crate) struct App {
    pub(crate) server: &'static Server,
    pub(crate) admin: Admin,
    /// Of its policy, and of the login's mount; the role is `app`.
    pub(crate) name: String,
    pub(crate) role_id: String,
}

impl App {
    /// Each rule is a path and a capability.
    pub(crate) fn new(rules: &[(&str, &str)]) -> Self {
        let server = Server::shared();
        let (admin, name) = (server.admin(), unique("app"));
        let rule = |(path, capability): &(&str, &str)| {
            format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}\n")
        };
        admin.policy(&name, &rules.iter().map(rule).collect::<String>());
        let role_id = admin.approle_login(&name, "app", &[&name]);
        Self {
            server,
            admin,
            name,
            role_id,
        }
    }

    /// May read everything in this mount.
    pub(crate) fn reading(mount: &str) -> Self {
        let path = format!("{mount}/*");
        Self::new(&[(path.as_str(), "read")])
    }

    /// Adds its login.
    pub(crate) fn login(&self, wrapper: Wrapper) -> Wrapper {
        wrapper
            .login("approle", &self.name, "")
            .flag("--role-id", &self.role_id)
            .flag_file("--secret-id-file", &self.admin.secret_id(&self.name, "app"))
    }

    /// On its way to the server.
    pub(crate) fn direct(&self) -> Wrapper {
        self.login(Wrapper::openbao(self.server))
    }

    /// On its way to another address, where the server's certificates are good.
    pub(crate) fn at(&self, url: &str) -> Wrapper {
        let pki = &self.server.pki;
        let wrapper = Wrapper::openbao_at(url, &pki.authority, Some(&pki.client));
        self.login(wrapper)
    }

    /// The accessors of the tokens that its logins have made and that live.
    pub(crate) fn tokens(&self) -> Vec<String> {
        Vec::from_iter(self.admin.accessors_with(&self.name))
    }

    /// The only one of them.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        match self.tokens().as_slice() {
            [token] => token.clone(),
            other => panic!("tokens: {other:?}"),
        }
    }
}

/// An app that asks for one secret, `s3cret`, as `A`.
pub(crate) struct OneSecret {
    pub(crate) app: App,
    pub(crate) kv: Kv,
}

impl OneSecret {
    pub(crate) fn new() -> Self {
        let (kv, app) = kv("kv", 2);
        kv.put("app", &json!({ "f": "s3cret" }));
        Self { app, kv }
    }

    pub(crate) fn ask(&self, wrapper: Wrapper) -> Wrapper {
        with_secret(wrapper, &self.kv)
    }

    /// Asks there, logged in.
    pub(crate) fn at(&self, url: &str) -> Wrapper {
        self.ask(self.app.at(url))
    }

    pub(crate) fn through(&self, proxy: &Proxy) -> Wrapper {
        self.at(&proxy.url())
    }

    /// How often the secret was read.
    pub(crate) fn reads(&self, proxy: &Proxy) -> usize {
        count(proxy, &format!("GET /v1/{}", self.kv.path("app")))
    }
}

/// Asks for the secret.
pub(crate) fn with_secret(wrapper: Wrapper, kv: &Kv) -> Wrapper {
    wrapper.env("A", format!("vault:{}/app#f", kv.mount))
}

/// It arrives.
#[track_caller]
pub(crate) fn arrives(wrapper: &Wrapper) {
    assert_eq!(text(&environment(wrapper), "A"), "s3cret");
}

/// A key-value engine, and who may read it.
pub(crate) fn kv(mount: &str, version: u8) -> (Kv, App) {
    let kv = Server::shared().admin().kv(&unique(mount), version);
    let app = App::reading(&kv.mount);
    (kv, app)
}

/// How many requests a proxy saw whose `METHOD PATH` begins so.
pub(crate) fn count(proxy: &Proxy, begin: &str) -> usize {
    let asked = proxy.asked();
    asked.iter().filter(|line| line.starts_with(begin)).count()
}

/// What the program gets; fails on a start that fails.
#[track_caller]
pub(crate) fn environment(wrapper: &Wrapper) -> Environment {
    parse(&wrapper.run(&["env", "-0"]).with(0).output.stdout)
}

/// What the program gets as `name`, which must be text.
#[track_caller]
pub(crate) fn text<'a>(environment: &'a Environment, name: &str) -> &'a str {
    let value = environment.get(name);
    let value = value.unwrap_or_else(|| panic!("no {name}: {:?}", environment.keys()));
    str::from_utf8(value).unwrap()
}

/// A start that must end so, saying these texts, without the program.
#[track_caller]
pub(crate) fn refused(wrapper: &Wrapper, status: u8, texts: &[&str]) -> Ended {
    let ended = wrapper.run(&["echo", "started"]).with(status.into());
    ended.says(texts);
    assert_eq!(ended.stdout(), "", "{ended:?}");
    ended
}

/// A program that has told its environment, and runs until it is let go.
pub(crate) struct Waiting {
    child: Child,
    pub(crate) environment: Environment,
    /// With its folder, whose files are read again at the end.
    pub(crate) wrapper: Wrapper,
}

impl Waiting {
    #[track_caller]
    pub(crate) fn start(wrapper: Wrapper) -> Self {
        let mut command = wrapper.command(&["sh", "-c", "env -0; printf '\\0'; cat"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = Vec::new();
        let mut stdout = child.stdout.take().unwrap();
        while !told.ends_with(b"\0\0") {
            let mut byte = [0];
            if stdout.read(&mut byte).unwrap() == 0 {
                let output = child.wait_with_output().unwrap();
                let command = format!("{wrapper:?}");
                panic!("it did not start: {:?}", Ended { command, output });
            }
            told.extend(byte);
        }
        child.stdout = Some(stdout);
        Self {
            child,
            environment: parse(&told),
            wrapper,
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        pid_of(&self.child)
    }

    /// Lets it go, and waits for the wrapper's end.
    #[track_caller]
    pub(crate) fn end(self) -> Ended {
        self.end_with(0)
    }

    /// The same with another status.
    #[track_caller]
    pub(crate) fn end_with(mut self, status: i32) -> Ended {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        let command = format!("{:?}", self.wrapper);
        Ended { command, output }.with(status)
    }
}

fn parse(bytes: &[u8]) -> Environment {
    let strings = bytes.split(|byte| *byte == 0);
    let pairs = strings.filter_map(|string| {
        let at = string.iter().position(|byte| *byte == b'=')?;
        let name = String::from_utf8_lossy(&string[..at]).into_owned();
        Some((name, string[at + 1..].to_vec()))
    });
    pairs.collect()
}
