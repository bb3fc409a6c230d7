//! Where the page is.

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::scratch::{Scratch, create};
use crate::token::Token;

/// The page's address with the token, which is behind `#`: browsers do not send that part to any server.
pub struct Page {
    address: SocketAddr,
    token: Token,
    scratch: Arc<Scratch>,
}

impl Page {
    /// Of a server that listens at `address`.
    pub fn new(address: SocketAddr, token: Token, scratch: Arc<Scratch>) -> Self {
        Self { address, token, scratch }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a file that leads a browser to the page.
    ///
    /// Everyone on a machine sees the words that a program is started with; this file is its owner's alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn door(&self) -> io::Result<PathBuf> {
        let path = self.scratch.folder()?.keep().join("open.html");
        write!(
            create(&path)?,
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta http-equiv=\"refresh\" content=\"0; url={self}\">\n<title>netfold</title>\n<a href=\"{self}\">The page</a>\n"
        )?;
        Ok(path)
    }
}

/// `http://ADDRESS/#token=TOKEN`; an address of this machine, if the server listens at all of them.
impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        write!(f, "http://{address}/#token={}", self.token.reveal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_that_a_browser_can_open() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Arc::new(Scratch::within(folder.path().to_owned()));
        for (listens, opened) in [
            ("127.0.0.1:7377", "http://127.0.0.1:7377/#token="),
            ("192.168.0.7:80", "http://192.168.0.7:80/#token="),
            ("0.0.0.0:7377", "http://127.0.0.1:7377/#token="),
            ("[::]:7377", "http://[::1]:7377/#token="),
        ] {
            let token = Token::random().unwrap();
            let page = Page::new(listens.parse().unwrap(), token.clone(), Arc::clone(&scratch));
            assert_eq!(page.to_string(), format!("{opened}{}", token.reveal()));
            let door = std::fs::read_to_string(page.door().unwrap()).unwrap();
            assert!(door.contains(&format!("url={page}\"")), "{door}");
        }
    }
}
