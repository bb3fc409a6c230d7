//! Prints which layers the bias of the largest logit comes from, and how far the one-layer model holds:
//! `bias MODEL PICTURE`.

use netfold::region::Norm;
use netfold::{Error, Model, Watch};

fn main() -> Result<(), Error> {
    let [model, picture] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("usage: bias MODEL PICTURE");
    let folded = Model::read(model)?.fold::<f64>(picture.as_str())?;
    for map in folded.bias_maps(folded.winner())? {
        println!("{:>12.6}  {}", map.total(), folded.circuit().stages()[map.stage].node);
    }
    let ball = &folded.region()?.radius(&[Norm::L2], &Watch::default())[0];
    println!("the one-layer model is the network up to a distance of {:.3e}", ball.lower);
    Ok(())
}
