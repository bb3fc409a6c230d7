//! What a fold leaves behind: its certificate and its files.

use std::path::Path;
use std::time::Instant;

use netfold_onnx::{DType, Data, ModelDef, TensorDef};

use super::folded::Folded;
use crate::error::Error;
use crate::model::FileStamp;
use crate::ops::Precision;
use crate::output::store::{dtype, one_layer};
use crate::output::{Certificate, Folder, RunInfo, Store, Taken};
use crate::reconstruction::{Reconstruction, Request};

impl<T: Precision> Folded<T> {
    /// The proof by numbers that the one-layer model is the network, over all logits; no row of W is computed.
    ///
    /// # Errors
    /// As [`compared`](Self::compared), and if a file that the model or the input came from cannot be read any more.
    pub fn certificate(&self) -> Result<Certificate, Error> {
        let request = Request::default();
        let result = self.reconstruct::<Error>(&request, |_| Ok(()))?;
        self.certify(&result)
    }

    /// The certificate of rows that were computed.
    ///
    /// # Errors
    /// If a file that the model or the input came from cannot be read any more.
    pub fn certify(&self, result: &Reconstruction<T>) -> Result<Certificate, Error> {
        Ok(Certificate::new(self.circuit(), result, self.run_info()?))
    }

    /// What a certificate says of this run that does not follow from circuit and rows.
    ///
    /// # Errors
    /// If a file that the model or the input came from cannot be read any more.
    pub fn run_info(&self) -> Result<RunInfo, Error> {
        Ok(RunInfo {
            tolerance: self.setup().tolerance::<T>(),
            decides: self.setup().decides(),
            warnings: self.warnings().to_vec(),
            left_off: self.setup().head().left_off.clone(),
            seconds: self.seconds(),
            model: self.setup().model().stamp()?,
            input: self.stamp()?,
            held: self.setup().held_inputs(),
        })
    }

    /// Name and hash of what the input came from.
    ///
    /// # Errors
    /// If its file cannot be read any more.
    pub fn stamp(&self) -> Result<FileStamp, Error> {
        self.source().stamp()
    }

    /// Writes `reconstruction.npz` and `reconstructed.onnx`, the one-layer model of these classes as a network of its own,
    /// and the certificate into a folder: all of them, or none.
    ///
    /// # Errors
    /// As [`reconstruct`](Self::reconstruct), and if a file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>, classes: &[usize]) -> Result<Certificate, Error> {
        let began = Instant::now();
        let mut files = Folder::begin(folder.as_ref())?;
        let mut store = self.store(&mut files, classes.len())?;
        let request = Request { classes: classes.to_vec(), ..Request::default() };
        let result = self.reconstruct::<Error>(&request, |row| store.row(row))?;
        store.finish(&result, self.x())?;
        let mut told = self.run_info()?;
        told.seconds.reconstruct = began.elapsed().as_secs_f64();
        told.seconds.total = told.seconds.trace + told.seconds.freeze + told.seconds.reconstruct;
        let certificate = Certificate::new(self.circuit(), &result, told);
        files.seal("certificate.json", &certificate)?;
        files.commit()?;
        Ok(certificate)
    }

    /// The two files of [`save`](Self::save), to be filled with so many rows.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn store<'f>(&self, folder: &'f mut Folder, rows: usize) -> Result<Store<'f, T>, Error> {
        let store = Store::begin(folder, self.taken(), rows)?;
        match self.picture() {
            Some(picture) => store.with_pixels(picture.map.clone()),
            None => Ok(store),
        }
    }

    /// The one-layer model of these classes as a network of its own, logits = W x + b: what [`save`](Self::save) writes as
    /// `reconstructed.onnx`. [`netfold_onnx::encode`] makes the bytes of a file of it; all rows are in memory at once.
    ///
    /// # Errors
    /// As [`rows`](Self::rows), and [`Error::Memory`] if there is not enough for all rows.
    pub fn one_layer(&self, classes: &[usize]) -> Result<ModelDef, Error> {
        let numbers = (classes.len() * (self.x().len() + 1)) as f64;
        let bytes = numbers * (size_of::<f64>() + size_of::<T>()) as f64;
        let _held = self.setup().model().budget().take(bytes).map_err(Error::memory("to hold the one-layer model"))?;
        let mut weights = Vec::new();
        let mut bias = Vec::new();
        for row in self.rows(classes.iter().copied())? {
            let row = row?;
            weights.extend(row.weights.data().iter().map(|w| w.wide()));
            bias.push(row.bias);
        }
        let mut model = one_layer(self.taken(), dtype::<T>(), classes.len());
        let tensors = [("W", vec![classes.len(), self.x().len()], weights), ("b", vec![classes.len()], bias)];
        for (name, shape, numbers) in tensors {
            let data = match dtype::<T>() {
                DType::F32 => numbers.into_iter().map(|number| number as f32).collect::<Vec<_>>().into(),
                _ => Data::from(numbers),
            };
            model.graph.initializers.push((name.to_owned(), TensorDef { shape, data }));
        }
        Ok(model)
    }

    /// What the one-layer model takes.
    fn taken(&self) -> Taken<'_> {
        let name = self.setup().model().name(self.setup().from());
        Taken { name, dtype: self.setup().dtype(), shape: self.x().shape() }
    }
}
