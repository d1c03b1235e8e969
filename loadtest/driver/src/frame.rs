//! The client's half of RFC 6455, as far as a load generator needs it: one handshake text, whole frames in, small masked
//! frames out. It checks what it receives and does not repair anything.

/// The key of every handshake: RFC 6455's own example, so that the answer is known without hashing.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What RFC 6455 section 1.3 says that the answer to [`KEY`] is.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The mask of every frame. Its value is of no matter to a server; zero would be one that shortcuts might special-case.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x9e];
/// A frame above this is a fault of the server's: its largest state is far below.
const PAYLOAD_MAX: u64 = 16 * 1024 * 1024;

/// In place of a length: it follows in 16 bits.
const LENGTH_16: u8 = 0x7e;
/// In place of a length: it follows in 64 bits.
const LENGTH_64: u8 = 0x7f;

/// Frame types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A message.
    Text,
    /// The last frame.
    Close,
    /// To be answered with a pong.
    Ping,
    /// An answer to a ping.
    Pong,
}

/// Writes a handshake with the headers that a browser would send.
pub fn handshake(host: &str, path: &str, token: Option<&str>, protocol: Option<&str>) -> Vec<u8> {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/130.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: http://{host}\r\nSec-WebSocket-Version: 13\r\n\
         Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\nSec-WebSocket-Key: {KEY}\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    );
    for (name, value) in [("Authorization: Bearer", token), ("Sec-WebSocket-Protocol:", protocol)] {
        if let Some(value) = value {
            text.extend([name, " ", value, "\r\n"]);
        }
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Looks for the end of the handshake's answer and checks it; answers its length.
///
/// # Errors
/// The answer's first line when it is not the upgrade that was asked for.
pub fn answered(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 101") {
        return Err(status.to_owned());
    }
    let accept = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("sec-websocket-accept").then(|| value.trim().to_owned())
    });
    if accept.as_deref() != Some(ACCEPT) {
        return Err(format!("101 with a wrong Sec-WebSocket-Accept: {accept:?}"));
    }
    Ok(Some(end + 4))
}

/// Finds the first whole frame; answers its type, where its payload begins and where it ends.
///
/// # Errors
/// What a server may not send.
pub fn first(bytes: &[u8]) -> Result<Option<(Op, usize, usize)>, String> {
    let [head, length, ..] = bytes else { return Ok(None) };
    let op = match head {
        0x81 => Op::Text,
        0x88 => Op::Close,
        0x89 => Op::Ping,
        0x8a => Op::Pong,
        other => return Err(format!("a frame that begins with {other:#04x}")),
    };
    let (start, length) = match length {
        0..=125 => (2, u64::from(*length)),
        126 => match bytes.get(2..4) {
            Some(field) => (4, u64::from(u16::from_be_bytes([field[0], field[1]]))),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|field| field.try_into().ok()) {
            Some(field) => (10, u64::from_be_bytes(field)),
            None => return Ok(None),
        },
        _ => return Err("a masked frame".to_owned()),
    };
    if length > PAYLOAD_MAX {
        return Err(format!("a frame of {length} bytes"));
    }
    let end = start + length as usize;
    Ok((bytes.len() >= end).then_some((op, start, end)))
}

/// Writes a masked frame.
pub fn masked(op: Op, payload: &[u8]) -> Vec<u8> {
    let op = match op {
        Op::Text => 0x81,
        Op::Close => 0x88,
        Op::Ping => 0x89,
        Op::Pong => 0x8a,
    };
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(op);
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        middle @ 126..=65_535 => {
            frame.push(0x80 | LENGTH_16);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | LENGTH_64);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Finds a text from the front.
pub fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// Finds a text from the back.
pub fn find_last(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).rposition(|window| window == text)
}

/// Writes an unmasked text frame, as a server does.
#[cfg(test)]
pub fn unmasked(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match payload.len() {
        short @ 0..=125 => frame.push(short as u8),
        middle @ 126..=65_535 => {
            frame.push(126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_whole_or_not_at_all() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = unmasked(&vec![b'x'; length]);
            let (op, start, end) = first(&frame).unwrap().expect("whole");
            assert_eq!((op, end - start, end), (Op::Text, length, frame.len()));
            assert_eq!(first(&frame[..frame.len() - 1]).unwrap(), None);
        }
        assert!(first(&[0x01, 0x00]).is_err(), "a fragment");
        assert!(first(&masked(Op::Text, b"x")).is_err(), "masked");
        assert!(first(&[0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0]).is_err(), "too long");
    }

    #[test]
    fn a_mask_can_be_taken_off_again() {
        let frame = masked(Op::Text, b"{\"type\":\"ping\"}");
        let plain: Vec<u8> = frame[6..].iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b).collect();
        assert_eq!((frame[0], frame[1], plain.as_slice()), (0x81, 0x80 | 15, &b"{\"type\":\"ping\"}"[..]));
    }

    #[test]
    fn an_answer_counts_with_the_right_accept_alone() {
        let answer = |status: &str, accept: &str| {
            format!("HTTP/1.1 {status}\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\nrest")
        };
        let good = answer("101 Switching Protocols", ACCEPT);
        assert_eq!(answered(good.as_bytes()), Ok(Some(good.len() - 4)));
        assert_eq!(answered(&good.as_bytes()[..30]), Ok(None));
        assert!(answered(answer("101 Switching Protocols", "x").as_bytes()).is_err());
        assert!(answered(answer("503 Service Unavailable", ACCEPT).as_bytes()).is_err());
    }
}
