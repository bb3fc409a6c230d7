//! Folds a network at a picture and prints the sum that its largest logit is: `fold MODEL PICTURE`.

use netfold::{Error, Model};

fn main() -> Result<(), Error> {
    let [model, picture] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("usage: fold MODEL PICTURE");
    let folded = Model::read(model)?.fold::<f32>(picture.as_str())?;
    let row = folded.row(folded.winner())?;
    println!("y[{}] = ⟨W, x⟩ + {} = {}", row.class, row.bias, row.reconstructed);
    println!("the network gives {}", folded.logits().data()[row.class]);
    Ok(())
}
