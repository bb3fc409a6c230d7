//! Pictures: size, known pixels, files.

use image::{Rgb, RgbImage};
use netfold::output::folder;
use netfold_render::{
    Caption, InputView, Layout, Order, Picture, Plane, Scale, Sheet, View, diverging, file_stem, heat_tile, veil_tile,
};

/// Where the first cell of a picture with a subtitle of one line begins.
const CORNER: (u32, u32) = (26, 87);

fn sheet(height: usize, width: usize, f: impl Fn(usize) -> f64) -> Sheet {
    let values: Vec<f64> = (0..height * width).map(f).collect();
    Sheet::arrange(&values, Layout::Picture { height, width, channels: 1, order: Order::ChannelsFirst }).unwrap()
}

fn plane(height: usize, width: usize, f: impl Fn(usize) -> f64) -> Plane {
    sheet(height, width, f).plane(View::Sum)
}

fn caption() -> Caption {
    Caption { title: "three (3)".into(), subtitle: "weights".into(), unit: "logit per model unit".into() }
}

fn decoded(picture: &Picture) -> RgbImage {
    image::load_from_memory(&picture.png().unwrap()).unwrap().into_rgb8()
}

#[test]
fn cells_are_whole_and_have_the_colour_of_their_value() {
    let plane = plane(28, 28, |i| (i as f64) - 400.0);
    let scale = Scale::over([&plane]);
    let picture = Picture::heat(&plane, &scale, &caption());
    let read = decoded(&picture);
    assert_eq!(&read, picture.image());
    assert_eq!(read.width(), 28 * 18 + 2 * CORNER.0);
    for (row, column) in [(0, 0), (14, 8), (27, 27), (3, 20)] {
        let expected = diverging(scale.place(plane.values()[row * 28 + column]));
        let (x, y) = (CORNER.0 + column as u32 * 18, CORNER.1 + row as u32 * 18);
        for (dx, dy) in [(0, 0), (17, 17), (9, 4)] {
            assert_eq!(read.get_pixel(x + dx, y + dy), &expected, "cell {row}, {column}");
        }
    }
}

#[test]
fn a_tile_has_one_pixel_a_value() {
    let plane = plane(2, 3, |i| i as f64 - 2.0);
    let scale = Scale::over([&plane]);
    let (heat, veil) = (heat_tile(&plane, &scale), veil_tile(&plane, &scale));
    assert_eq!((heat.dimensions(), veil.dimensions()), ((3, 2), (3, 2)));
    assert_eq!(heat.get_pixel(2, 0), &diverging(0.0));
    assert_eq!(veil.get_pixel(2, 0).0[3], 0);
    assert_eq!(heat.get_pixel(2, 1), &diverging(1.0));
}

#[test]
fn an_overlay_shows_the_input_where_nothing_contributes() {
    let input = InputView::Tensor(sheet(4, 4, |i| if i < 8 { 0.0 } else { 1.0 }));
    let plane = plane(4, 4, |i| if i == 0 { 1.0 } else { 0.0 });
    let scale = Scale::over([&plane]);
    let read = decoded(&Picture::overlay(&input, &plane, &scale, &caption()));
    let cell = |row: u32, column: u32| read.get_pixel(CORNER.0 + column * 128 + 64, CORNER.1 + row * 128 + 64).0;
    assert_eq!(cell(1, 1), [64; 3]);
    assert_eq!(cell(3, 3), [217; 3]);
    assert!(cell(0, 0)[0] > 2 * cell(0, 0)[2]);
}

#[test]
fn any_size_kind_and_content_gives_a_picture() {
    let odd = [0.0, -0.0, 1e308, -1e308, 1e-320, f64::NAN, f64::NEG_INFINITY];
    let shapes = [(1, 1), (1, 5000), (5000, 1), (3, 2000), (7, 7)];
    let layouts = shapes
        .into_iter()
        .map(|(height, width)| Layout::Picture { height, width, channels: 1, order: Order::ChannelsLast })
        .chain([1, 2, 1000, 10_000].into_iter().flat_map(|length| {
            [Layout::Vector { length }, Layout::Series { length, channels: 1, order: Order::ChannelsFirst }]
        }));
    for layout in layouts {
        let length = match layout {
            Layout::Picture { height, width, .. } => height * width,
            Layout::Series { length, .. } | Layout::Vector { length } => length,
        };
        for f in [&(|_| 0.0) as &dyn Fn(usize) -> f64, &(|_| 2.0), &(|i| odd[i % odd.len()]), &(|i| (i as f64).sin())] {
            let values: Vec<f64> = (0..length).map(f).collect();
            let sheet = Sheet::arrange(&values, layout).unwrap();
            let plane = sheet.plane(View::Sum);
            let scale = Scale::over([&plane]);
            assert!(Picture::heat(&plane, &scale, &caption()).png().is_ok());
            for input in [InputView::Tensor(sheet.clone()), InputView::Picture(RgbImage::new(0, 3))] {
                assert!(Picture::overlay(&input, &plane, &scale, &Caption::default()).png().is_ok());
            }
        }
    }
}

#[test]
fn large_planes_are_shown_as_means_of_blocks() {
    let plane = plane(1100, 2100, |_| 1.0);
    let picture = Picture::heat(&plane, &Scale::over([&plane]), &caption());
    assert!(picture.image().width() < 1024 + 200);
}

#[test]
fn a_tensor_is_seen_from_its_smallest_to_its_largest_value() {
    let layout = Layout::Picture { height: 1, width: 2, channels: 3, order: Order::ChannelsLast };
    let sheet = Sheet::arrange(&[-2.0, 0.0, 2.0, 2.0, 2.0, -2.0], layout);
    let sheet = sheet.unwrap();
    assert_eq!(sheet.normalised().as_raw(), &[0, 128, 255, 255, 255, 0]);
    let scale = Scale::over([&sheet.plane(View::Channel(0))]);
    assert_eq!(sheet.rgb(&scale).unwrap().get_pixel(0, 0), &Rgb([0, 128, 255]));
    let grey = self::sheet(1, 2, |_| 7.0);
    assert_eq!((grey.normalised().as_raw(), grey.rgb(&scale)), (&vec![128; 6], None));
}

#[test]
fn files_are_whole_or_not_there() {
    let place = tempfile::tempdir().unwrap();
    let names = || std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let missing = place.path().join("not-there/weights-3.png");
    let plane = plane(1, 1, |_| 1.0);
    let error = Picture::heat(&plane, &Scale::over([&plane]), &caption()).save(&missing).unwrap_err();
    assert!(error.to_string().contains("weights-3.png"));
    assert!(std::error::Error::source(&error).is_some());
    assert!(names().is_empty());

    // A folder already has the name: the temporary file must not stay behind.
    let taken = place.path().join("report.html");
    std::fs::create_dir(&taken).unwrap();
    assert!(folder::write(&taken, b"page").unwrap_err().to_string().contains("report.html"));
    assert_eq!(names(), ["report.html"]);

    std::fs::remove_dir(&taken).unwrap();
    std::fs::write(&taken, "old").unwrap();
    folder::write(&taken, b"new").unwrap();
    assert_eq!((names().len(), std::fs::read(&taken).unwrap()), (1, b"new".to_vec()));
}

#[test]
fn file_stems_are_safe_and_tell_classes_apart() {
    for (label, stem) in [
        (None, "281"),
        (Some("tabby, tabby cat"), "281-tabby-tabby-cat"),
        (Some("../../etc/passwd\0"), "281-etc-passwd"),
        (Some("猫"), "281"),
        (Some(""), "281"),
        (Some("C:\\con"), "281-c-con"),
    ] {
        assert_eq!(file_stem(281, label), stem);
    }
    assert_ne!(file_stem(134, Some("crane")), file_stem(517, Some("crane")));
    assert!(file_stem(0, Some(&"long ".repeat(100))).len() <= 61);
}
