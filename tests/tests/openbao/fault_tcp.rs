//! Faults below TLS, before it and in place of it, as a plain client sees them.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use cloudtaser_tests::server::fault::{
    ALWAYS, Ancient, REFUSED, TcpFault, Tunnel, UNRESOLVABLE, tcp,
};
use cloudtaser_tests::server::{Admin, Front, Server};
use serde_json::Value;

fn client(url: &str) -> Admin {
    let server = Server::shared();
    let tls = server.pki.authority.client_config(Some(&server.pki.client));
    Admin::new(url, tls, "").patient_for(Duration::from_secs(2))
}

fn health(url: &str) -> Result<u16, String> {
    let reply = client(url).try_ask("GET", "sys/health", &Value::Null);
    reply.map(|reply| reply.status)
}

fn before_server(times: usize, fault: TcpFault) -> Front {
    tcp::before(Server::shared().address(), times, fault)
}

#[test]
fn a_fault_happens_so_often_and_then_no_more() {
    let front = before_server(2, TcpFault::Close);
    let answers: Vec<_> = (0..3).map(|_| health(&front.url())).collect();
    assert!(answers[0].is_err() && answers[1].is_err(), "{answers:?}");
    assert_eq!(answers[2], Ok(200));
    assert_eq!(front.connections(), 3);
}

#[test]
fn a_connection_is_silent_or_cut() {
    for (fault, reason) in [
        (TcpFault::Silent, "timed out"),
        (TcpFault::CutAfter(0), "eof"),
        (TcpFault::CutAfter(100), "eof"),
        (TcpFault::CutAfter(2000), "close"),
    ] {
        let front = before_server(ALWAYS, fault);
        let said = health(&front.url()).unwrap_err();
        assert!(said.contains(reason), "{fault:?}: {said}");
    }
}

#[test]
fn a_connection_is_late_or_slow() {
    let some = Duration::from_millis(50);
    for fault in [
        TcpFault::Delay(some),
        TcpFault::Drip(Duration::from_micros(20)),
    ] {
        let front = before_server(ALWAYS, fault);
        let start = Instant::now();
        assert_eq!(health(&front.url()), Ok(200), "{fault:?}");
        assert!(start.elapsed() >= some, "{fault:?}");
    }
}

#[test]
fn nobody_is_there() {
    let said = health(REFUSED).unwrap_err();
    assert!(said.contains("Connection refused"), "{said}");
    let said = health(UNRESOLVABLE).unwrap_err();
    assert!(said.contains("dns error"), "{said}");
}

#[test]
fn a_server_of_tls_1_1_is_refused_by_either_side() {
    for (ancient, reason) in [
        (Ancient::Alert, "received fatal alert: ProtocolVersion"),
        (Ancient::Hello, "peer is incompatible"),
    ] {
        let front = ancient.start();
        let said = health(&front.url()).unwrap_err();
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_tunnel_connects_and_remembers() {
    let (tunnel, server) = (Tunnel::start(), Server::shared());
    let client = client(&server.url()).through(&tunnel.url());
    assert_eq!(client.health(), 200);
    let asked = format!("CONNECT {} HTTP/1.1", server.address());
    assert_eq!(tunnel.asked(), [asked]);
    assert_eq!(tunnel.connections(), 1);
    let address = tunnel.url().replace("http://", "");
    drop(tunnel);
    // Nothing listens any more once it is dropped.
    let again = || TcpStream::connect(&address).is_err();
    assert!(cloudtaser_tests::process::eventually(again));
}
