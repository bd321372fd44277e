//! Finding texts: ordering, comparing, grouping and recommending them, by what they say.

/// By shared letter groups, rare ones more.
mod bm25;
/// Grouping.
mod cluster;
/// Queries against documents.
mod evaluate;
/// Ordering.
mod rank;
/// Choosing without repetition.
mod recommend;
/// Cosines and means.
mod vector;
/// Long computations.
mod work;

#[cfg(test)]
mod labelled;
#[cfg(test)]
mod measures;
#[cfg(test)]
mod quality;
