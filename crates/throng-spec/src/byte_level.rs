//! The alphabet of byte-level BPE: one printable character for each of the 256 byte values, so
//! that a vocabulary of arbitrary bytes can be written as text. Introduced by GPT-2's encoder
//! (Radford et al. 2019).

/// The character that stands for a byte: itself where it is printable and not a space, else the
/// next unused one from U+0100 on, in the order of the bytes.
pub fn character(byte: u8) -> char {
    match byte {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        0x00..=0x20 => shifted(u32::from(byte)),
        0x7F..=0xA0 => shifted(u32::from(byte) - 0x7F + 0x21),
        0xAD => shifted(0x21 + 0x22),
    }
}

/// The `n`-th character of those that stand for unprintable bytes.
fn shifted(n: u32) -> char {
    char::from_u32(0x100 + n).expect("U+0100..U+0143 are all characters")
}

/// The byte that a character stands for; `None` for characters outside the alphabet.
pub fn byte(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_and_comes_back() {
        let characters: std::collections::BTreeSet<char> = (0..=255).map(character).collect();
        assert_eq!(characters.len(), 256);
        for value in 0..=255 {
            assert_eq!(byte(character(value)), Some(value));
        }
        // Fixed points of GPT-2's published table.
        assert_eq!(character(b' '), 'Ġ');
        assert_eq!(character(b'\n'), 'Ċ');
        assert_eq!(character(0xAD), 'Ń');
    }
}
