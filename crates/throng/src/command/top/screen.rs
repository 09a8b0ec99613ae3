//! What stands where: the most important first where there is little room.

use ratatui::text::Line;
use throng_bench::live::View;

use super::scene::Scene;
use super::style::Style;
use super::{header, sections};

/// Lines that stand together.
pub struct Block {
    /// Where there is too little room, those with the highest rank go first.
    pub rank: u8,
    /// All of them, or none.
    pub lines: Vec<Line<'static>>,
    /// Lines behind these, as many as there is room for.
    pub more: Vec<Line<'static>>,
}

impl Block {
    /// Lines that stand together or not at all.
    pub fn new(rank: u8, lines: Vec<Line<'static>>) -> Self {
        Self { rank, lines, more: Vec::new() }
    }

    /// Sets others apart.
    fn blank() -> Self {
        Self::new(9, vec![Line::default()])
    }
}

/// The screen, of so many columns and so many lines at most.
pub fn lines(
    scene: &Scene,
    now: u64,
    (width, height): (usize, usize),
    style: &Style,
) -> Vec<Line<'static>> {
    let view = scene.view();
    let first = |view: Option<&View>| header::line(scene, view, now, width, style);
    let blocks = match &view {
        Ok(view) => seen(first(Some(view)), view, width, style),
        Err(trouble) => vec![
            Block::new(1, vec![first(None)]),
            Block::blank(),
            Block::new(0, vec![Line::from(style.plain(trouble.clone()))]),
        ],
    };
    fit(blocks, height)
}

/// All that there is to say.
fn seen(first: Line<'static>, view: &View, width: usize, style: &Style) -> Vec<Block> {
    let mut blocks = vec![
        Block::new(0, vec![first]),
        Block::new(10, vec![header::rule(width, style)]),
        Block::new(1, sections::load(view, style)),
        Block::new(2, sections::speed(view, width, style)),
        Block::new(5, sections::speculation(view, width, style)),
        Block::new(3, sections::memory(view, width, style)),
        Block::new(6, sections::prefix_cache(view, style)),
        Block::blank(),
        Block::new(7, sections::latencies(view, width, style)),
        Block::new(8, sections::ended(view, style)),
    ];
    if !view.tenants.is_empty() {
        blocks.push(Block::blank());
        blocks.push(sections::tenants(view, width, style));
    }
    blocks
}

/// As many of the blocks as there is room for, the most important ones.
fn fit(mut blocks: Vec<Block>, height: usize) -> Vec<Line<'static>> {
    let total = |blocks: &[Block]| blocks.iter().map(|block| block.lines.len()).sum::<usize>();
    while blocks.len() > 1 && total(&blocks) > height {
        let last = (0..blocks.len()).max_by_key(|&at| blocks[at].rank).unwrap_or(0);
        blocks.remove(last);
    }
    let mut room = height.saturating_sub(total(&blocks));
    let mut lines = Vec::new();
    for Block { lines: all, more, .. } in blocks {
        lines.extend(all);
        let taken = more.len().min(room);
        lines.extend(more.into_iter().take(taken));
        room -= taken;
    }
    lines.truncate(height);
    lines
}
