//! What a scripted server looks like, on screens of several sizes.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use throng_bench::live::{Facts, Sight, Snapshot};
use throng_bench::load::Failure;

use super::scene::Scene;
use super::style::Style;
use super::watch::draw;

/// Now, and when the server began.
const NOW: u64 = 1_795_000_000;
const CREATED: u64 = NOW - 3_725;

/// One family of metrics: its name and labels, and a value.
type Line = (&'static str, &'static str, f64);

/// What a server of gpt-oss says after so many steps, ten of which take a second.
fn metrics(steps: u32) -> String {
    let n = f64::from(steps);
    let lines: [Line; 37] = [
        ("num_requests_running", "", 12.0),
        ("num_requests_waiting", "", 3.0),
        ("kv_cache_blocks", ",pool=\"full\",state=\"used\"", 430.0),
        ("kv_cache_blocks", ",pool=\"full\",state=\"cached\"", 300.0),
        ("kv_cache_blocks", ",pool=\"full\",state=\"free\"", 294.0),
        ("kv_cache_blocks", ",pool=\"window\",state=\"used\"", 1_100.0),
        ("kv_cache_blocks", ",pool=\"window\",state=\"cached\"", 90.0),
        ("kv_cache_blocks", ",pool=\"window\",state=\"free\"", 10.0),
        ("prefix_cache_queries_total", "", 10_000.0 + 40.0 * n),
        ("prefix_cache_hits_total", "", 4_000.0 + 30.0 * n),
        ("num_preemptions_total", "", 3.0),
        ("prompt_tokens_total", "", 25.0 * n),
        ("generation_tokens_total", "", 12.0 * n),
        ("steps_total", "", n),
        ("model_read_bytes_total", "", 3.15e9 * n),
        ("memory_bandwidth_bytes_per_second", "", 5.7e10),
        ("iteration_tokens_total_sum", "", 37.0 * n),
        ("iteration_tokens_total_count", "", n),
        ("step_rows_sum", "", 12.0 * n),
        ("step_rows_count", "", n),
        ("step_model_seconds_sum", "", 0.09 * n),
        ("time_to_first_token_seconds_bucket", ",le=\"0.5\"", 1.0 * n),
        ("time_to_first_token_seconds_bucket", ",le=\"1\"", 3.0 * n),
        ("time_to_first_token_seconds_bucket", ",le=\"+Inf\"", 4.0 * n),
        ("time_to_first_token_seconds_sum", "", 3.2 * n),
        ("time_to_first_token_seconds_count", "", 4.0 * n),
        ("inter_token_latency_seconds_bucket", ",le=\"0.1\"", 11.9 * n),
        ("inter_token_latency_seconds_bucket", ",le=\"+Inf\"", 12.0 * n),
        ("inter_token_latency_seconds_sum", "", 1.2 * n),
        ("inter_token_latency_seconds_count", "", 12.0 * n),
        ("request_success_total", ",finished_reason=\"stop\"", 1_100.0),
        ("request_success_total", ",finished_reason=\"length\"", 120.0),
        ("request_success_total", ",finished_reason=\"abort\"", 10.0),
        ("request_success_total", ",finished_reason=\"timeout\"", 0.0),
        ("request_success_total", ",finished_reason=\"error\"", 3.0),
        ("tenant_requests_waiting", ",tenant=\"alice\"", 3.0),
        ("tenant_generation_tokens_total", ",tenant=\"bob\"", 4.0 * n),
    ];
    let model = "model_name=\"gpt-oss-20b\"";
    let line = |(name, labels, value): Line| format!("throng:{name}{{{model}{labels}}} {value}\n");
    let mut text: String = lines.into_iter().map(line).collect();
    for number in 0..12 {
        let tenant = format!("{{{model},tenant=\"tenant-{number:02} of a long name 日本語\"}}");
        let tokens = n * f64::from(12 - number);
        text += &format!("throng:tenant_requests_running{tenant} 1\n");
        text += &format!("throng:tenant_prompt_tokens_total{tenant} {tokens}\n");
    }
    text
}

fn sight(health: &str, text: Option<&str>) -> Sight {
    Sight {
        health: health.to_owned(),
        snapshot: text.map(Snapshot::read),
        facts: Facts { created: Some(CREATED), context: Some(131_072) },
    }
}

fn unseen() -> Scene {
    Scene::new(&"http://127.0.0.1:8000".parse().unwrap(), None)
}

/// What such a server adds that drafts 8 tokens for each answer.
fn drafts(steps: u32) -> String {
    let n = 12.0 * f64::from(steps);
    let mut text = String::new();
    for (name, value) in [
        ("num_drafts_total", n),
        ("num_draft_tokens_total", 8.0 * n),
        ("num_accepted_tokens_total", 3.25 * n),
        ("draft_seconds_total", 0.0004 * n),
        ("verify_seconds_total", 0.003 * n),
    ] {
        text += &format!("throng:spec_decode_{name} {value}\n");
    }
    for (position, share) in [1.0, 0.75, 0.5, 0.375, 0.25, 0.25, 0.12, 0.005].iter().enumerate() {
        let name = "spec_decode_num_accepted_tokens_per_pos_total";
        text += &format!("throng:{name}{{position=\"{position}\"}} {}\n", share * n);
    }
    text
}

/// A server that was looked at for ten seconds, and was faster and faster.
fn seen() -> Scene {
    seen_saying(metrics)
}

fn seen_saying(text: impl Fn(u32) -> String) -> Scene {
    let mut scene = unseen();
    for half in 0..=20 {
        let text = text(100 + half * half / 4);
        let at = Duration::from_millis(500 * u64::from(half));
        scene.take(at, Ok(sight("ok", Some(&text))));
    }
    scene
}

fn screen_of(scene: &Scene, (width, height): (u16, u16), colours: bool) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, scene, NOW, &Style::new(colours))).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let rows: Vec<String> = (0..height).map(|y| row(y).trim_end().to_owned()).collect();
    rows.join("\n")
}

#[test]
fn a_terminal_of_the_usual_size_has_it_all() {
    let screen = screen_of(&seen(), (80, 24), false);
    insta::assert_snapshot!(screen);
    assert_eq!(screen, screen_of(&seen(), (80, 24), true), "colours change no text");
}

#[test]
fn a_small_terminal_has_what_matters_most() {
    let sizes = [(100, 14), (60, 24), (40, 10), (24, 5), (9, 2)];
    let screens = sizes.map(|size| format!("{size:?}\n{}\n", screen_of(&seen(), size, false)));
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn what_comes_of_drafts_is_there_if_there_are_any() {
    let mut scene = seen_saying(|steps| metrics(steps) + &drafts(steps));
    let sizes = [(80, 24), (63, 14), (36, 14)];
    let mut screens =
        sizes.map(|size| format!("{size:?}\n{}\n", screen_of(&scene, size, false))).to_vec();
    // It drafts no more.
    for second in 11..14 {
        let text = metrics(200) + &drafts(200);
        scene.take(Duration::from_secs(second), Ok(sight("ok", Some(&text))));
    }
    screens.push(format!("idle\n{}\n", screen_of(&scene, (80, 14), false)));
    insta::assert_snapshot!(screens.join("\n"));
    // A server that could draft, and never did.
    let silent = seen_saying(|steps| metrics(steps) + &drafts(0));
    assert_eq!(screen_of(&silent, (80, 40), false), screen_of(&seen(), (80, 40), false));
    // A draft model that fails is told of.
    let failing = |failures: u32| {
        let count = format!("throng:spec_decode_draft_failures_total {failures}\n");
        screen_of(&seen_saying(|steps| metrics(steps) + &drafts(steps) + &count), (80, 40), false)
    };
    assert!(!failing(0).contains("failed"));
    assert!(failing(1).contains("failed        the draft model"), "{}", failing(1));
}

#[test]
fn there_is_a_screen_of_any_size() {
    let scenes = [unseen(), seen(), seen_saying(|steps| metrics(steps) + &drafts(steps))];
    for scene in &scenes {
        for size in (0..100).step_by(3).flat_map(|width| (0..40).map(move |height| (width, height)))
        {
            screen_of(scene, size, true);
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_waited_for() {
    let mut scene = unseen();
    let mut screens = vec![screen_of(&scene, (80, 4), false)];
    let refused = Failure::Connection("connection refused".to_owned());
    scene.take(Duration::ZERO, Err(refused.clone()));
    screens.push(screen_of(&scene, (80, 4), false));
    scene.take(Duration::from_secs(1), Ok(sight("loading", None)));
    screens.push(screen_of(&scene, (80, 4), false));
    for (second, steps) in [(2, 0), (3, 10)] {
        scene.take(Duration::from_secs(second), Ok(sight("ok", Some(&metrics(steps)))));
    }
    screens.push(screen_of(&scene, (80, 4), false));
    scene.take(Duration::from_secs(4), Err(refused));
    screens.push(screen_of(&scene, (80, 4), false));
    // Another one in its place, which has counted less.
    scene.take(Duration::from_secs(5), Ok(sight("draining", Some(&metrics(5)))));
    screens.push(screen_of(&scene, (80, 4), false));
    insta::assert_snapshot!(screens.join("\n\n"));
}

#[test]
fn a_server_that_says_little_is_shown_as_far_as_it_does() {
    let mut scene = unseen();
    let vllm = "vllm:num_requests_running{engine=\"0\"} 2\nvllm:num_requests_running{engine=\"1\"} 1\n\
                vllm:kv_cache_usage_perc 0.25\n";
    scene.take(Duration::ZERO, Ok(sight("ok", Some(vllm))));
    insta::assert_snapshot!(screen_of(&scene, (80, 14), false));
}

#[test]
fn nothing_that_a_server_says_moves_the_terminal() {
    let mut scene = unseen();
    let text = "a:num_requests_running{model_name=\"\u{1b}[2J\u{7}\u{202e}m\"} 1e18\n\
                a:tenant_requests_running{tenant=\"\u{9b}31m\\n\u{200b}t\"} 1e17\n";
    scene.take(Duration::ZERO, Ok(sight("ok", Some(text))));
    scene.take(Duration::from_secs(1), Ok(sight("ok", Some(text))));
    let screen = screen_of(&scene, (80, 24), false);
    assert!(screen.contains("[2J") && screen.contains("31m"), "{screen}");
    let plain = |c: char| !c.is_control() && !('\u{200b}'..='\u{202e}').contains(&c);
    assert!(screen.chars().all(|c| c == '\n' || plain(c)), "{screen:?}");
}
