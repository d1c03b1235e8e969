//! One tab of a hand: its socket, what it knows, what it has yet to say. An idle tab owns no buffer.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

use crate::frame::{self, Op, find, find_last};
use crate::order::Kind;

/// How far a tab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No socket.
    Away,
    /// The connection is not there yet.
    Connecting,
    /// The handshake was sent.
    Asking,
    /// Frames come.
    Open,
}

/// A tab.
pub struct Tab {
    pub stream: Option<TcpStream>,
    pub stage: Stage,
    /// Number of its account in the file.
    pub account: usize,
    /// The revision of the state that it knows.
    pub rev: i64,
    /// The hash of that state.
    pub hash: [u8; 16],
    /// It has been told its state on this connection.
    pub settled: bool,
    /// The last round that it was counted in.
    pub round: u32,
    /// Owes an acknowledgement.
    pub unacked: bool,
    /// Does not read.
    pub deaf: bool,
    partial: Vec<u8>,
    unsent: Vec<u8>,
}

/// What a reading came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// So many bytes.
    Some(usize),
    /// Nothing more for now.
    Nothing,
    /// The connection is over.
    End,
}

impl Tab {
    /// A tab that is not connected.
    pub fn new(account: usize) -> Self {
        Self {
            stream: None,
            stage: Stage::Away,
            account,
            rev: 0,
            hash: [0; 16],
            settled: false,
            round: 0,
            unacked: false,
            deaf: false,
            partial: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// Drops the socket.
    pub fn leave(&mut self) {
        self.stream = None;
        self.stage = Stage::Away;
        self.settled = false;
        self.unacked = false;
        self.partial = Vec::new();
        self.unsent = Vec::new();
    }

    /// Reads once.
    pub fn read(&mut self, chunk: &mut [u8]) -> Heard {
        let Some(stream) = &mut self.stream else { return Heard::Nothing };
        loop {
            return match stream.read(chunk) {
                Ok(0) => Heard::End,
                Ok(length) => Heard::Some(length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Heard::End,
            };
        }
    }

    /// Hands what was read over to `each`, frame by frame; keeps what is not whole.
    ///
    /// # Errors
    /// A frame that a server may not send.
    pub fn frames(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(&mut Self, Op, &[u8], &[u8]),
    ) -> Result<(), String> {
        let mut held = std::mem::take(&mut self.partial);
        let bytes: &[u8] = if held.is_empty() {
            chunk
        } else {
            held.extend_from_slice(chunk);
            &held
        };
        let mut at = 0;
        while let Some((op, start, end)) = frame::first(&bytes[at..])? {
            let whole = &bytes[at..at + end];
            each(self, op, &whole[start..], whole);
            at += end;
            if self.stream.is_none() {
                return Ok(());
            }
        }
        self.partial = bytes[at..].to_vec();
        Ok(())
    }

    /// Looks for the handshake's answer in what was read; answers the bytes behind it.
    ///
    /// # Errors
    /// The answer when it is another one.
    pub fn answered(&mut self, chunk: &[u8]) -> Result<Option<Vec<u8>>, String> {
        self.partial.extend_from_slice(chunk);
        let Some(end) = frame::answered(&self.partial)? else { return Ok(None) };
        Ok(Some(std::mem::take(&mut self.partial).split_off(end)))
    }

    /// Sends, or keeps what the kernel does not take.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.unsent.is_empty() {
            let taken = self.write(bytes);
            self.unsent.extend_from_slice(&bytes[taken..]);
        } else {
            self.unsent.extend_from_slice(bytes);
        }
    }

    /// Sends what was kept.
    pub fn flush(&mut self) {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            let taken = self.write(&unsent);
            self.unsent = unsent[taken..].to_vec();
        }
    }

    /// A broken connection shows at the next reading.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let Some(stream) = &mut self.stream else { return bytes.len() };
        let mut sent = 0;
        while sent < bytes.len() {
            match stream.write(&bytes[sent..]) {
                Ok(0) => return bytes.len(),
                Ok(taken) => sent += taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return bytes.len(),
            }
        }
        sent
    }

    /// Says that it has applied the state that it knows.
    pub fn acknowledge(&mut self) {
        let text = format!("{{\"type\":\"ack\",\"permissionVersion\":{}}}", self.rev);
        self.send(&frame::masked(Op::Text, text.as_bytes()));
    }

    /// Takes over the position that a permission frame carries.
    pub fn learn(&mut self, text: &[u8]) {
        if let Some(rev) = number_behind(text, b"\"permissionVersion\":") {
            self.rev = rev;
        }
        if let Some(hash) = text_behind(text, b"\"hash\":\"").and_then(|hash| hash.try_into().ok()) {
            self.hash = hash;
        }
    }
}

/// Tells the kind of a text frame by its `type`, which the server writes first.
pub fn kind_of(text: &[u8]) -> Kind {
    let head = &text[..text.len().min(64)];
    let Some(at) = find(head, b"\"type\":\"") else { return Kind::Other };
    let name = &head[at + 8..];
    let name = &name[..name.iter().position(|byte| *byte == b'"').unwrap_or(name.len())];
    match name {
        b"SYSTEM_NOTICE" => Kind::SystemNotice,
        b"PERMISSION_UPDATE" => Kind::PermissionUpdate,
        b"ROLE_CHANGE" => Kind::RoleChange,
        b"FORCE_LOGOUT" => Kind::ForceLogout,
        b"pong" => Kind::Pong,
        b"CONNECTED" => Kind::Connected,
        b"CHECKPOINT" => Kind::Checkpoint,
        _ => Kind::Other,
    }
}

/// Reads the text behind a key, the last one in the frame: what a reason or a name may quote stands before it.
pub fn text_behind<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let rest = &text[find_last(text, key)? + key.len()..];
    Some(&rest[..rest.iter().position(|byte| *byte == b'"')?])
}

fn number_behind(text: &[u8], key: &[u8]) -> Option<i64> {
    let rest = &text[find_last(text, key)? + key.len()..];
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_learns_its_position_from_the_frame() {
        let text = br#"{"type":"PERMISSION_UPDATE","userId":1,"data":{"reason":"x","epoch":"e","rev":14,"prevRev":null,"permissionVersion":14,"hash":"644cebc78e40d56e","menuVersion":"m"}}"#;
        let mut tab = Tab::new(0);
        tab.learn(text);
        assert_eq!((tab.rev, &tab.hash), (14, b"644cebc78e40d56e"));
        assert_eq!(kind_of(text), Kind::PermissionUpdate);
        assert_eq!(text_behind(text, b"\"epoch\":\""), Some(&b"e"[..]));
        assert_eq!(kind_of(b"{}"), Kind::Other);
    }

    #[test]
    fn frames_in_pieces_are_put_together() {
        let mut tab = Tab::new(0);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        tab.stream = Some(TcpStream::from_std(stream));
        let bytes = [frame::unmasked(b"one"), frame::unmasked(b"two")].concat();
        let mut heard = Vec::new();
        for byte in &bytes {
            tab.frames(&[*byte], |_, op, text, _| heard.push((op, text.to_vec()))).unwrap();
        }
        assert_eq!(heard, [(Op::Text, b"one".to_vec()), (Op::Text, b"two".to_vec())]);
    }
}
