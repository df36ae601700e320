//! Just enough of Yjs' wire: one keystroke as an update, and whose keystrokes an update brings.

use std::error::Error;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A character: its client, and how many that client made before it.
#[derive(Clone, Copy)]
pub struct Place(pub u64, pub u64);

pub enum Heard {
    /// The server told what we did not have: we are in.
    Synced,
    /// By client and clock.
    Keystrokes(Vec<(u64, u64)>),
    Other,
}

const SYNC: u64 = 0;
const SYNC_STEP_2: u64 = 1;
const UPDATE: u64 = 2;
/// Kinds of struct in an update, its low five bits.
const COLLECTED: u8 = 0;
const STRING: u8 = 4;
const SKIP: u8 = 10;
/// What an item names besides its content.
const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_PARENT_KEY: u8 = 0x20;

/// The frame that writes `x` at `at`, behind the character `behind`.
pub fn keystroke(prefix: &[u8], at: Place, behind: Place) -> Vec<u8> {
    let mut update = Vec::with_capacity(32);
    // One client with one struct: a string behind an origin.
    for number in [1, 1, at.0, at.1] {
        write(&mut update, number);
    }
    update.push(STRING | HAS_ORIGIN);
    for number in [behind.0, behind.1, 1] {
        write(&mut update, number);
    }
    update.push(b'x');
    // Nothing is deleted.
    update.push(0);
    let mut frame = prefix.to_vec();
    for number in [SYNC, UPDATE, update.len() as u64] {
        write(&mut frame, number);
    }
    frame.extend(update);
    frame
}

/// Reads a frame behind its prefix.
pub fn hear(frame: &[u8]) -> Fallible<Heard> {
    let mut bytes = Bytes(frame);
    if bytes.number()? != SYNC {
        return Ok(Heard::Other);
    }
    match bytes.number()? {
        SYNC_STEP_2 => Ok(Heard::Synced),
        UPDATE => {
            let length = bytes.number()?;
            Ok(Heard::Keystrokes(keystrokes(bytes.take(length)?)?))
        }
        _ => Ok(Heard::Other),
    }
}

/// Every character of an update of typed text, several writers' or one's.
fn keystrokes(update: &[u8]) -> Fallible<Vec<(u64, u64)>> {
    let mut bytes = Bytes(update);
    let mut found = Vec::new();
    for _ in 0..bytes.number()? {
        let (structs, client, mut clock) = (bytes.number()?, bytes.number()?, bytes.number()?);
        for _ in 0..structs {
            let info = bytes.byte()?;
            match info & 0x1f {
                COLLECTED | SKIP => clock += bytes.number()?,
                STRING => {
                    if info & HAS_ORIGIN != 0 {
                        bytes.place()?;
                    }
                    if info & HAS_RIGHT_ORIGIN != 0 {
                        bytes.place()?;
                    }
                    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 {
                        // Its parent: a name at the root, or a place.
                        if bytes.number()? == 1 {
                            bytes.text()?;
                        } else {
                            bytes.place()?;
                        }
                        if info & HAS_PARENT_KEY != 0 {
                            bytes.text()?;
                        }
                    }
                    // All that is typed here is one unit a character.
                    let length = bytes.text()?;
                    found.extend((clock..clock + length).map(|clock| (client, clock)));
                    clock += length;
                }
                // A change that is no keystroke, such as the server's own of its state.
                _ => return Ok(found),
            }
        }
    }
    Ok(found)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Fallible<u8> {
        let (first, rest) = self.0.split_first().ok_or("a frame is cut off")?;
        self.0 = rest;
        Ok(*first)
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self) -> Fallible<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f)
                .checked_shl(shift)
                .ok_or("a number is too long")?;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    fn take(&mut self, length: u64) -> Fallible<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(usize::try_from(length)?)
            .ok_or("a frame is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn place(&mut self) -> Fallible<Place> {
        Ok(Place(self.number()?, self.number()?))
    }

    /// Its length in bytes.
    fn text(&mut self) -> Fallible<u64> {
        let length = self.number()?;
        self.take(length)?;
        Ok(length)
    }
}

fn write(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
