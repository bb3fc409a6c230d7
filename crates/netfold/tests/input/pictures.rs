use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{
    DynamicImage, ExtendedColorType, GrayAlphaImage, GrayImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb,
    RgbImage, RgbaImage,
};
use netfold::input::{InputError, Picture, Pixels};

use crate::{file, told};

const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif];

fn read(content: &[u8]) -> Result<Picture, InputError> {
    // The name says nothing: the content does.
    let (_folder, path) = file("picture.txt", content);
    Picture::read(&path)
}

fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.into().write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// The values of a picture of 8 bits.
fn eight(picture: &Picture) -> &[u8] {
    match &picture.pixels {
        Pixels::Bytes(values) => values,
        Pixels::Words(_) => panic!("8 bits are expected"),
    }
}

/// 3 wide, 2 high, six colours.
fn colours() -> RgbImage {
    RgbImage::from_fn(3, 2, |x, y| Rgb([(40 * x + 7) as u8, (100 * y + 9) as u8, (60 * x + 50 * y) as u8]))
}

#[test]
fn each_format_is_known_by_its_content() {
    let image = colours();
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Gif] {
        let picture = read(&written(image.clone(), format)).unwrap();
        assert_eq!(picture.shape(), [2, 3, 3], "{format:?}");
        assert_eq!(eight(&picture), image.as_raw().as_slice(), "{format:?}");
    }
    let flat = RgbImage::from_pixel(16, 8, Rgb([200, 30, 90]));
    let jpeg = read(&written(flat, ImageFormat::Jpeg)).unwrap();
    assert_eq!(jpeg.shape(), [8, 16, 3]);
    assert!(
        eight(&jpeg).iter().zip([200, 30, 90].iter().cycle()).all(|(&got, &want): (_, &u8)| got.abs_diff(want) < 4)
    );
}

#[test]
fn gray_stays_one_channel() {
    let gray = GrayImage::from_fn(3, 2, |x, y| Luma([(x * 50 + y * 9) as u8]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::Bmp] {
        let picture = read(&written(gray.clone(), format)).unwrap();
        assert!(picture.channels == 1 || format == ImageFormat::Bmp, "{format:?}: bitmaps hold a palette");
    }
    assert_eq!(eight(&read(&written(gray.clone(), ImageFormat::Png)).unwrap()), gray.as_raw().as_slice());
    let alpha = GrayAlphaImage::from_pixel(1, 1, image::LumaA([77, 3]));
    let picture = read(&written(alpha, ImageFormat::Png)).unwrap();
    assert_eq!((picture.channels, eight(&picture)), (1, [77].as_slice()));
}

#[test]
fn what_is_transparent_keeps_its_colour() {
    let image = RgbaImage::from_pixel(2, 1, image::Rgba([200, 100, 50, 0]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        assert_eq!(eight(&read(&written(image.clone(), format)).unwrap()), [200, 100, 50, 200, 100, 50], "{format:?}");
    }
    // Palette of two bits, its second colour transparent; Pillow: Image.new('P', (3, 2)), putpalette, putdata
    // [0, 1, 2, 2, 1, 0], save(transparency=1, bits=2).
    let palette = [
        137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 3, 0, 0, 0, 2, 2, 3, 0, 0, 0, 224, 26,
        142, 137, 0, 0, 0, 9, 80, 76, 84, 69, 10, 20, 30, 200, 100, 50, 255, 0, 255, 129, 236, 29, 2, 0, 0, 0, 2, 116,
        82, 78, 83, 255, 0, 229, 183, 48, 74, 0, 0, 0, 12, 73, 68, 65, 84, 120, 156, 99, 144, 96, 152, 0, 0, 0, 220, 0,
        169, 108, 231, 192, 35, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
    ];
    let (a, b, c) = ([10, 20, 30], [200, 100, 50], [255, 0, 255]);
    assert_eq!(eight(&read(&palette).unwrap()), [a, b, c, c, b, a].concat());
}

#[test]
fn sixteen_bits_stay() {
    let values = [0, 128, 129, 257 * 100, 257 * 100 + 200, 65_535];
    let image: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(6, 1, values.to_vec()).unwrap();
    let colour: ImageBuffer<Rgb<u16>, _> = ImageBuffer::from_raw(2, 1, values.to_vec()).unwrap();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let gray = read(&written(DynamicImage::ImageLuma16(image.clone()), format)).unwrap();
        assert_eq!((gray.channels, &gray.pixels), (1, &Pixels::Words(values.to_vec())), "{format:?}");
        assert_eq!((0..6).map(|at| gray.pixels.byte(at)).collect::<Vec<_>>(), [0, 0, 1, 100, 101, 255]);
        let colour = read(&written(DynamicImage::ImageRgb16(colour.clone()), format)).unwrap();
        assert_eq!((colour.channels, colour.pixels), (3, Pixels::Words(values.to_vec())), "{format:?}");
    }
}

#[test]
fn floating_point_pixels_are_refused_by_their_type() {
    let colour = DynamicImage::ImageRgb32F(ImageBuffer::from_pixel(2, 2, Rgb([0.5, 0.25, 1.5])));
    let error = read(&written(colour, ImageFormat::Tiff)).unwrap_err();
    assert!(error.to_string().contains("holds pixels of type Rgb32F"), "{error}");
    assert!(!error.hint().unwrap().contains("damaged"));
    // One sample of 32 bits, of IEEE floating point (tag 339 is 3), which the decoder itself refuses.
    let entry = |tag: u16, kind: u16, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1_u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let after = 8 + 2 + 10 * 12 + 4;
    let entries = [
        entry(0x100, 3, 1),
        entry(0x101, 3, 1),
        entry(0x102, 3, 32),
        entry(0x103, 3, 1),
        entry(0x106, 3, 1),
        entry(0x111, 4, after),
        entry(0x115, 3, 1),
        entry(0x116, 3, 1),
        entry(0x117, 4, 4),
        entry(0x153, 3, 3),
    ];
    let gray = [b"II*\0\x08\0\0\0\x0a\0".as_slice(), &entries.concat(), &[0; 4], &1.5_f32.to_le_bytes()].concat();
    let error = read(&gray).unwrap_err();
    assert!(!told(&error).contains("damaged") && !error.hint().unwrap().contains("damaged"), "{}", told(&error));
}

#[test]
fn of_many_frames_the_first() {
    let mut bytes = Vec::new();
    let frame = |value| image::Frame::new(RgbaImage::from_pixel(4, 4, image::Rgba([value, 0, 0, 255])));
    image::codecs::gif::GifEncoder::new(&mut bytes).encode_frames([frame(10), frame(250)]).unwrap();
    let picture = read(&bytes).unwrap();
    assert_eq!((picture.shape(), eight(&picture)[0]), ([4, 4, 3], 10));
}

/// An Exif block that holds the orientation alone.
fn exif(orientation: u8) -> Vec<u8> {
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0], &[0; 4]].concat()
}

/// `image` as `orientation` says it is to be looked at.
fn turned(image: &RgbImage, orientation: u8) -> RgbImage {
    use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    match orientation {
        2 => flip_horizontal(image),
        3 => rotate180(image),
        4 => flip_vertical(image),
        5 => rotate90(&flip_vertical(image)),
        6 => rotate90(image),
        7 => rotate270(&flip_vertical(image)),
        8 => rotate270(image),
        _ => image.clone(),
    }
}

#[test]
fn the_picture_is_turned_as_exif_says() {
    let image = colours();
    for orientation in 1..=8 {
        let wanted = turned(&image, orientation);
        let check = |content: &[u8], format: &str| {
            let picture = read(content).unwrap();
            assert_eq!(
                [picture.width, picture.height],
                [wanted.width() as usize, wanted.height() as usize],
                "{format}"
            );
            assert_eq!(eight(&picture), wanted.as_raw().as_slice(), "{format}, orientation {orientation}");
        };
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&image, 3, 2, ExtendedColorType::Rgb8).unwrap();
        check(&png, "PNG");
        let mut webp = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&image, 3, 2, ExtendedColorType::Rgb8).unwrap();
        check(&webp, "WebP");
        check(&tiff(&image, orientation), "TIFF");
    }
}

#[test]
fn a_jpeg_is_turned_too() {
    // Left half dark, right half bright: eight pixels each, so that no block mixes them.
    let image = RgbImage::from_fn(16, 8, |x, _| Rgb([if x < 8 { 20 } else { 230 }; 3]));
    for orientation in 1..=8 {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&image, 16, 8, ExtendedColorType::Rgb8).unwrap();
        let (picture, wanted) = (read(&bytes).unwrap(), turned(&image, orientation));
        assert_eq!([picture.width, picture.height], [wanted.width() as usize, wanted.height() as usize]);
        assert!(
            eight(&picture).iter().zip(wanted.as_raw()).all(|(&got, &want)| got.abs_diff(want) < 4),
            "{orientation}"
        );
    }
}

/// A TIFF file of one strip, with an orientation.
fn tiff(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let (width, height, bytes) = (image.width(), image.height(), image.as_raw());
    let mut entries: Vec<u8> = Vec::new();
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        entries.extend(tag.to_le_bytes());
        entries.extend(kind.to_le_bytes());
        entries.extend(count.to_le_bytes());
        entries.extend(value.to_le_bytes());
    };
    let (short, long, after) = (3, 4, 8 + 2 + 10 * 12 + 4);
    entry(0x100, short, 1, width);
    entry(0x101, short, 1, height);
    entry(0x102, short, 3, after);
    entry(0x103, short, 1, 1);
    entry(0x106, short, 1, 2);
    entry(0x111, long, 1, after + 6);
    entry(0x112, short, 1, u32::from(orientation));
    entry(0x115, short, 1, 3);
    entry(0x116, short, 1, height);
    entry(0x117, long, 1, bytes.len() as u32);
    [b"II*\0\x08\0\0\0\x0a\0".as_slice(), &entries, &[0; 4], &[8, 0, 8, 0, 8, 0], bytes].concat()
}

#[test]
fn what_is_no_picture_is_refused_with_a_reason() {
    let refused = |content: &[u8]| {
        let error = read(content).map(|picture| picture.shape()).unwrap_err();
        assert!(error.hint().is_some());
        told(&error)
    };
    assert!(refused(b"").contains("is not a picture"));
    assert!(refused(b"just words, no picture at all").contains("is not a picture"));
    assert!(refused(b"\x93NUMPY\x01\x00").contains("is not a picture"));
    for format in FORMATS {
        let image = RgbImage::from_fn(60, 60, |x, y| Rgb([(x * y) as u8, (x + 31 * y) as u8, (7 * x) as u8]));
        let bytes = written(image, format);
        for len in [bytes.len() / 3, bytes.len() * 9 / 10, bytes.len() - 2] {
            // The last bytes of a PNG and a GIF come after the picture.
            if len + 2 == bytes.len() && matches!(format, ImageFormat::Png | ImageFormat::Gif) {
                continue;
            }
            let cut = refused(&bytes[..len]);
            assert!(cut.starts_with("cannot decode the picture `"), "{format:?}: {cut}");
        }
    }
    let missing = Picture::read("no/such/picture.png".as_ref()).unwrap_err();
    assert!(told(&missing).starts_with("cannot read `no/such/picture.png`: No such file"), "{missing}");
    assert!(told(&Picture::read(".".as_ref()).unwrap_err()).contains("directory"));
}

#[test]
fn too_many_pixels_are_refused_before_they_are_decoded() {
    let mut bitmap = written(colours(), ImageFormat::Bmp);
    bitmap[18..22].copy_from_slice(&20_000_u32.to_le_bytes());
    bitmap[22..26].copy_from_slice(&10_000_u32.to_le_bytes());
    let error = read(&bitmap).unwrap_err();
    assert!(error.to_string().ends_with("has 20000 x 10000 pixels; at most 100000000 are taken"), "{error}");
    let mut gif = written(colours(), ImageFormat::Gif);
    gif[6..10].fill(255);
    assert!(told(&read(&gif).unwrap_err()).contains("65535 x 65535 pixels"));
}

#[test]
fn a_file_too_small_for_its_pixels_is_refused_before_it_is_decoded() {
    let mut gif = written(colours(), ImageFormat::Gif);
    gif[6..8].copy_from_slice(&9_999_u16.to_le_bytes());
    gif[8..10].copy_from_slice(&9_900_u16.to_le_bytes());
    let error = read(&gif).unwrap_err();
    let wanted = format!("says that it has 9999 x 9900 pixels, and its file has {} bytes", gif.len());
    assert!(error.to_string().ends_with(&wanted) && error.hint().is_some(), "{error}");
    // As dense as Deflate can be, and no larger than what is decoded anyway.
    let blank = GrayImage::new(3_000, 3_000);
    assert_eq!(read(&written(blank, ImageFormat::Png)).unwrap().shape(), [3_000, 3_000, 1]);
}

#[test]
fn a_lossy_webp_whose_partition_is_longer_than_its_frame_is_cut() {
    // Pillow: Image.new('RGB', (16, 16), (200, 60, 20)).save(file, 'WEBP', quality=1)
    let frame: &[u8] = &[
        0x70, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, 0x0c, 0xc0, 0xce, 0x25, 0xa0, 0x02, 0x74, 0x01,
        0x40, 0x00, 0x00, 0xfe, 0xcb, 0xb7, 0x7b, 0x96, 0x8a, 0x45, 0x72, 0x3b, 0x08, 0x6e, 0xc1, 0x00, 0x00, 0x00,
    ];
    let riff = |frame: &[u8]| {
        let chunk = [b"VP8 ".as_slice(), &(frame.len() as u32).to_le_bytes(), frame].concat();
        [b"RIFF".as_slice(), &(chunk.len() as u32 + 4).to_le_bytes(), b"WEBP", &chunk].concat()
    };
    assert_eq!(read(&riff(frame)).unwrap().shape(), [16, 16, 3]);
    let cut = read(&riff(&frame[..16])).unwrap_err();
    assert!(told(&cut).contains("the file ends before the picture does"), "{}", told(&cut));
}

#[test]
fn no_damage_panics() {
    for format in FORMATS {
        let bytes = written(colours(), format);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x5a;
            let _ = read(&damaged);
        }
    }
}
