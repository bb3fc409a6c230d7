//! The committed network and its ten images: both models are equal, and the shares of every logit add up.

use std::path::PathBuf;

use aircraft::dataset::{Picture, read};
use aircraft::figure;
use aircraft::one_layer::Original;
use aircraft::shares::Report;
use aircraft::table::{Table, chosen};

fn examples() -> (Original, Vec<Picture>) {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "examples", "aircraft"].iter().collect();
    let original = Original::read(&folder.join("aircraft.onnx")).expect("the network");
    let pictures = chosen(&read(&folder.join("images")).expect("the images"));
    original.check(&pictures, &folder).expect("images that fit");
    assert_eq!(pictures.len(), 10);
    (original, pictures)
}

#[test]
fn the_table_is_equal_in_both_precisions() {
    let (original, pictures) = examples();
    let single = Table::new::<f32>(&original, &pictures).expect("f32");
    let double = Table::new::<f64>(&original, &pictures).expect("f64");
    for (table, limit) in [(&single, 1e-4), (&double, 1e-10)] {
        assert!(table.equal() && table.difference() <= limit, "{}", table.text());
        let rows = table.rows();
        assert_eq!([&rows[0].2, &rows[1].2], [&rows[2].2, &rows[3].2]);
        assert!(rows.iter().all(|row| row.2.len() == 10));
        for (model, picture) in table.models.iter().zip(&pictures) {
            let own = picture.label.label;
            assert!(model.original[own] > model.original[1 - own], "{}", picture.label.file);
        }
    }
}

#[test]
fn parts_background_and_bias_add_up_to_every_logit() {
    let (original, pictures) = examples();
    let table = Table::new::<f64>(&original, &pictures).expect("f64");
    let report = Report::new(&pictures, &table.models).expect("shares");
    for (image, model) in report.images.iter().zip(&table.models) {
        assert_eq!(image.pixels.iter().sum::<usize>(), 64 * 64);
        for (shares, logit) in image.outputs.iter().zip(model.original) {
            assert!((shares.sum() - logit).abs() < 1e-10, "{}: {} {logit}", image.file, shares.sum());
            assert!((shares.aircraft() + shares.places[7] + shares.bias - logit).abs() < 1e-10);
        }
    }
    // The means of the printed table add up, too.
    let json = report.json();
    for mean in json["means"].as_array().expect("means") {
        let number = |name: &str| mean[name].as_f64().expect("a number");
        let places: f64 = mean["places"].as_object().expect("places").values().filter_map(|v| v.as_f64()).sum();
        assert!((places + number("bias") - number("logit")).abs() < 1e-10);
        assert!((places - number("aircraft") - mean["places"]["background"].as_f64().expect("a number")).abs() < 1e-10);
    }
    assert!(report.markdown().lines().all(|line| line.is_empty() || (line.starts_with('|') && line.ends_with('|'))));
}

#[test]
fn the_figure_shows_forty_tiles_and_both_rows_of_numbers() {
    let (original, pictures) = examples();
    let tables = [Table::new::<f64>(&original, &pictures).expect("f64")];
    let drawing = figure::draw(&pictures, &tables).expect("drawing");
    let svg = drawing.svg().expect("svg");
    assert_eq!(svg.matches("width=\"96\" height=\"96\" preserveAspectRatio").count(), 40);
    for model in &tables[0].models {
        let number = format!("{:.2}", model.original[0]).replace('-', "−");
        assert!(svg.matches(&format!(">{number}</text>")).count() >= 2, "{number}");
    }
    let png = drawing.png().expect("png");
    let raster = image::load_from_memory(&png).expect("a PNG file");
    assert_eq!((raster.width(), raster.height()), (2 * drawing.width, 2 * drawing.height));
    assert!(png.len() < 400 * 1024 && svg.len() < 400 * 1024, "{} {}", png.len(), svg.len());
}
