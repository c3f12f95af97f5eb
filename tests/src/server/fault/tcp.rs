//! Faults below TLS: bytes of a working connection come late, slowly, partly or not at all.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::front::{Front, Shared};

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub enum TcpFault {
    /// Nothing: the control.
    None,
    /// It is accepted and never answered.
    Silent,
    /// It is closed at once.
    Close,
    /// What the server sends comes this much later.
    Delay(Duration),
    /// It is closed after so many bytes from the server.
    CutAfter(usize),
    /// What the server sends comes a byte at a time, so far apart.
    Drip(Duration),
}

/// Stands before `server`. The first `times` connections have the fault, later ones have none.
#[must_use]
pub fn before(server: SocketAddr, times: usize, fault: TcpFault) -> Front {
    let left = AtomicUsize::new(times);
    Front::new(move |client, shared| {
        let less = |left: usize| left.checked_sub(1);
        let is_faulty = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        let fault = is_faulty.map_or(TcpFault::None, |_| fault);
        match fault {
            TcpFault::Close => {}
            TcpFault::Silent => shared.wait(),
            fault => join(client, server, fault, shared),
        }
    })
}

/// Passes bytes in both directions until one side closes.
pub(crate) fn join(client: TcpStream, server: SocketAddr, fault: TcpFault, shared: &Shared) {
    let server = TcpStream::connect(server).expect("the server listens");
    let number = shared.keep(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            drop(io::copy(&mut &client, &mut &server));
            drop(server.shutdown(Shutdown::Both));
        });
        drop(pass(&server, &client, fault, shared));
        drop(client.shutdown(Shutdown::Both));
        shared.end(number);
    });
}

/// The direction that has the fault; ends with it, or with the connection.
fn pass(
    mut server: &TcpStream,
    mut client: &TcpStream,
    fault: TcpFault,
    shared: &Shared,
) -> io::Result<()> {
    let mut bytes = [0; 16 << 10];
    let mut passed = 0;
    loop {
        let count = server.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        let mut part = &bytes[..count];
        match fault {
            TcpFault::Delay(delay) => {
                let _is_over = shared.pause(delay);
            }
            TcpFault::CutAfter(most) => part = &part[..part.len().min(most - passed)],
            _ => {}
        }
        match fault {
            TcpFault::Drip(pause) => {
                for byte in part.chunks(1) {
                    client.write_all(byte)?;
                    let _is_over = shared.pause(pause);
                }
            }
            _ => client.write_all(part)?,
        }
        passed += part.len();
        if part.len() < count {
            return Ok(());
        }
    }
}
