//! The header of `.npy` files: what an array holds, and how.
//!
//! Source: `numpy.lib.format`, versions 1.0 to 3.0.

/// What every `.npy` file begins with.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest text that is read (`numpy.load` keeps to the same), and what stands before it.
pub(crate) const LONGEST: u64 = 10_000 + 12;
/// Brackets inside each other: those of a record's field with a shape.
const DEPTH: usize = 4;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub kind: Kind,
    pub order: Order,
    pub shape: Vec<usize>,
    /// Bytes before the first element.
    pub start: u64,
}

/// Which index varies fastest in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The last one.
    Standard,
    /// The first one.
    Fortran,
}

/// The type of the elements: `<f4`, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// As it is written; of records, their list of fields.
    text: String,
    /// The letter of the type; `None` for records.
    pub letter: Option<char>,
    /// The number behind the letter: bytes, for numbers.
    pub size: usize,
    /// Whether the highest byte comes first.
    pub is_big: bool,
}

impl Kind {
    fn plain(text: &str) -> Self {
        let mut rest = text.chars();
        let mut letter = rest.next();
        let order = letter.filter(|first| "<>|=".contains(*first));
        if order.is_some() {
            letter = rest.next();
        }
        let is_big = order == Some('>') || order == Some('=') && cfg!(target_endian = "big");
        // A unit behind the number makes it another type.
        let digits = Some(rest.as_str()).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let size = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        Self { text: text.to_owned(), letter, size, is_big }
    }

    /// The type in words.
    pub fn name(&self) -> String {
        let Self { text, size, .. } = self;
        let bits = size.saturating_mul(8);
        match self.letter {
            None => format!("records `{text}`"),
            Some('f' | 'c' | 'i' | 'u') if *size == 0 => format!("`{text}`"),
            Some('f') => format!("float{bits}"),
            Some('c') => format!("complex{bits}"),
            Some('i') => format!("int{bits}"),
            Some('u') => format!("uint{bits}"),
            Some('b') => "bool".to_owned(),
            Some('O') => "Python objects".to_owned(),
            Some('U' | 'S' | 'a') => format!("strings `{text}`"),
            Some(_) => format!("`{text}`"),
        }
    }
}

/// Reads the header that a file begins with.
///
/// # Errors
/// What is wrong with the header, as the end of a sentence about the file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Header, String> {
    if bytes.len() < 12 || !bytes.starts_with(MAGIC) {
        return Err("it does not begin like a .npy file".into());
    }
    let [low, next, third, fourth] = [8, 9, 10, 11].map(|at| usize::from(bytes[at]));
    let (start, length) =
        if bytes[6] > 1 { (12, low | next << 8 | third << 16 | fourth << 24) } else { (10, low | next << 8) };
    let text = bytes.get(start..).and_then(|rest| rest.get(..length));
    let text = text.ok_or("its header is cut, or longer than 10,000 bytes")?;
    let text = std::str::from_utf8(text).map_err(|_| NOT_PLAIN)?;
    let mut header = Text(text);
    let (mut kind, mut order, mut shape) = (None, None, None);
    header.expect('{')?;
    while !header.takes('}') {
        let key = header.string()?;
        header.expect(':')?;
        match key {
            "descr" => kind = Some(header.kind()?),
            "fortran_order" => order = Some(header.order()?),
            "shape" => shape = Some(header.sizes()?),
            _ => return Err(NOT_PLAIN.into()),
        }
        if !header.takes(',') {
            header.expect('}')?;
            break;
        }
    }
    if !header.0.trim().is_empty() {
        return Err(NOT_PLAIN.into());
    }
    let missing = |key: &str| format!("its header has a missing key: `{key}`");
    Ok(Header {
        kind: kind.ok_or_else(|| missing("descr"))?,
        order: order.ok_or_else(|| missing("fortran_order"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
        start: (start + length) as u64,
    })
}

const NOT_PLAIN: &str = "its header is not that of a plain array";

/// What is left of a header's text.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Goes over a sign, if it comes next.
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.0.trim_start();
        let found = rest.strip_prefix(sign);
        self.0 = found.unwrap_or(rest);
        found.is_some()
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        if self.takes(sign) { Ok(()) } else { Err(NOT_PLAIN.into()) }
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = ['\'', '"'].into_iter().find(|&quote| self.takes(quote)).ok_or(NOT_PLAIN)?;
        let (string, rest) = self.0.split_once(quote).ok_or(NOT_PLAIN)?;
        self.0 = rest;
        Ok(string)
    }

    /// A type, or the list of a record's fields.
    fn kind(&mut self) -> Result<Kind, String> {
        let text = self.0.trim_start();
        if !text.starts_with('[') {
            return self.string().map(Kind::plain);
        }
        let mut depth = 0;
        for (at, sign) in text.char_indices() {
            match sign {
                '[' | '(' | '{' => depth += 1,
                ']' | ')' | '}' => depth -= 1,
                _ => {}
            }
            if depth > DEPTH {
                break;
            }
            if depth == 0 {
                let (fields, rest) = text.split_at(at + 1);
                self.0 = rest;
                return Ok(Kind { text: fields.to_owned(), letter: None, size: 0, is_big: false });
            }
        }
        Err(NOT_PLAIN.into())
    }

    fn order(&mut self) -> Result<Order, String> {
        let text = self.0.trim_start();
        for (word, order) in [("True", Order::Fortran), ("False", Order::Standard)] {
            if let Some(rest) = text.strip_prefix(word) {
                self.0 = rest;
                return Ok(order);
            }
        }
        Err(NOT_PLAIN.into())
    }

    fn sizes(&mut self) -> Result<Vec<usize>, String> {
        const MANY: &str = "its shape has too many elements";
        self.expect('(')?;
        let (inner, rest) = self.0.split_once(')').ok_or(NOT_PLAIN)?;
        self.0 = rest;
        let inner = inner.trim();
        if inner.is_empty() {
            return Ok(Vec::new());
        }
        let (mut sizes, mut product) = (Vec::new(), 1_u64);
        for number in inner.strip_suffix(',').unwrap_or(inner).split(',') {
            let number = number.trim();
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("its header holds numbers that are not written plainly".into());
            }
            let size: usize = number.parse().map_err(|_| MANY)?;
            product = product.checked_mul((size as u64).max(1)).ok_or(MANY)?;
            sizes.push(size);
        }
        Ok(sizes)
    }
}

/// The header of an array of this type and shape in standard order; its numbers follow. Its length is a multiple of 64.
pub(crate) fn header(code: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let sizes = sizes.join(", ") + if shape.len() == 1 { "," } else { "" };
    let text = format!("{{'descr': '{code}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.resize(10 + length - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// A whole file of doubles in standard order.
pub(crate) fn doubles(shape: &[usize], values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    let mut bytes = header("<f8", shape);
    values.into_iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Order, header, parse};

    #[test]
    fn what_is_written_is_read() {
        for shape in [&[][..], &[7], &[2, 3], &[1, 3, 224, 224], &[0, 5]] {
            let bytes = header("<f4", shape);
            let read = parse(&bytes).unwrap();
            assert_eq!((read.shape.as_slice(), read.order, read.start), (shape, Order::Standard, bytes.len() as u64));
            assert_eq!((read.kind.name(), bytes.len() % 64), ("float32".into(), 0));
            // The judge.
            let judged = npyz::NpyHeader::from_reader(&bytes[..]).unwrap();
            let sizes: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
            assert_eq!((judged.shape(), judged.dtype().descr()), (sizes.as_slice(), "'<f4'".into()));
        }
    }

    #[test]
    fn other_ways_to_write_a_header() {
        let of = |text: &str| {
            let length = u32::try_from(text.len()).unwrap().to_le_bytes();
            parse(&[b"\x93NUMPY\x03\x00".as_slice(), &length, text.as_bytes()].concat())
        };
        let read = of("{ \"shape\":( 4 ,2 ) , 'fortran_order' :True,'descr':'>i2'}").unwrap();
        assert_eq!((read.shape, read.order, read.kind.name()), (vec![4, 2], Order::Fortran, "int16".into()));
        assert!(read.kind.is_big);
        for broken in [
            "{}",
            "{'shape': (1,}",
            "{'shape' (1,)}",
            "{'descr': 'f4'",
            "{'other': 1}",
            "{'shape': (-1,)}",
            "[]",
            "{} }",
        ] {
            assert!(of(broken).is_err(), "{broken}");
        }
    }
}
