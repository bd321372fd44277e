//! Groups texts by their vectors. Of paragraphs about two thirds come together by their topic, of single sentences, which
//! share few words, about half.

use tabagent_protocol::Fault;

use super::{kmeans, vector, work::Wanted};

/// What texts were put into.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Clusters {
    /// The cluster of each text, numbered as they first appear.
    pub(super) of: Vec<u32>,
    /// How many texts each has; never 0.
    pub(super) sizes: Vec<u32>,
    /// The common direction of the texts of each, length 1.
    pub(super) centers: Vec<Vec<f32>>,
}

/// Puts texts into `count` clusters by their vectors of length 1, or one each if there are fewer.
pub(super) fn cluster(vectors: &[Vec<f32>], count: usize, wanted: &Wanted) -> Result<Clusters, Fault> {
    let of = kmeans::groups(vectors, count, wanted)?;
    let mut members: Vec<Vec<&[f32]>> = Vec::new();
    for (vector, &cluster) in vectors.iter().zip(&of) {
        // They are numbered as they first appear: the next new one is the next place.
        members.resize_with(members.len().max(cluster + 1), Vec::new);
        members[cluster].push(vector);
    }
    // Vectors that cancel out have no common direction; the first of them stands for all.
    let center = |members: &Vec<&[f32]>| vector::direction(members.iter().copied()).unwrap_or_else(|| members[0].to_vec());
    Ok(Clusters {
        of: of.into_iter().map(|cluster| cluster as u32).collect(),
        sizes: members.iter().map(|members| members.len() as u32).collect(),
        centers: members.iter().map(center).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clustered(vectors: &[Vec<f32>], count: usize) -> Clusters {
        let clusters = cluster(vectors, count, &Wanted::always()).expect("wanted");
        for (number, size) in clusters.sizes.iter().enumerate() {
            assert_eq!(clusters.of.iter().filter(|&&cluster| cluster == number as u32).count(), *size as usize);
            assert!(*size > 0);
        }
        assert_eq!(clusters.sizes.len(), clusters.centers.len());
        clusters
    }

    #[test]
    fn a_cluster_has_its_members_and_their_direction() {
        let (east, north) = (vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]);
        let clusters = clustered(&[east.clone(), north.clone(), east.clone(), north.clone(), east.clone()], 2);
        assert_eq!((clusters.of, clusters.sizes), (vec![0, 1, 0, 1, 0], vec![3, 2]));
        assert_eq!(clusters.centers, [east, north]);
    }

    #[test]
    fn equal_opposite_and_absent_vectors_are_clustered_too() {
        let (east, west) = (vec![1.0, 0.0], vec![-1.0, 0.0]);
        assert_eq!(clustered(&vec![east.clone(); 6], 4).sizes.len(), 4);
        assert_eq!(clustered(&[east.clone(), west.clone()], 9).of, [0, 1]);
        assert_eq!(clustered(&[east.clone(), west], 1).centers, [east]);
        assert_eq!(clustered(&[], 3), Clusters::default());
    }
}
