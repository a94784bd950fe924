//! What every store of jobs must do, and what the handle over it adds.
#![expect(
    clippy::too_many_lines,
    reason = "a test that tells one story from start to end is easier to follow in one piece"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy does not count the support of the tests as tests; here a panic is the report"
)]

mod attempts;
mod bench;
mod claims;
mod file;
mod handle;
mod model;
mod races;
mod requests;
mod retention;
mod steps;

/// Runs the rules that hold for every store against the one in a file, which they are given in this
/// form.
macro_rules! sqlite {
    ($form:ident: $($area:ident :: $rule:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let bench = bench::Bench::sqlite();
                $area::$rule(bench.$form(), &bench.time).await;
            }
        )*
    };
}

sqlite! { store:
    attempts::a_job_goes_from_submission_to_its_result,
    attempts::a_failed_attempt_is_followed_by_another_until_none_is_left,
    attempts::waits_between_attempts_grow_and_a_requested_delay_is_kept,
    attempts::a_permanent_failure_ends_at_once,
    attempts::a_stale_attempt_writes_nothing,
    claims::priority_goes_before_time_and_time_before_id,
    claims::a_claim_takes_no_more_than_there_are_places,
    claims::a_delayed_job_waits_for_its_time,
    attempts::a_job_that_kills_its_host_is_given_up,
    attempts::healthy_jobs_outlive_the_crashes_of_another,
    attempts::a_crash_in_the_last_attempt_is_the_end,
    attempts::a_released_attempt_does_not_count,
    attempts::a_checkpoint_reaches_the_next_attempt,
    requests::a_key_names_one_job,
    requests::a_full_queue_takes_no_more,
    requests::a_cancelled_job_is_never_anything_else,
    requests::a_job_is_tried_again_by_hand,
    requests::jobs_are_listed_in_pages,
    claims::a_clock_that_jumps_loses_and_doubles_nothing,
    requests::jobs_of_other_pipelines_are_not_there,
    retention::a_long_queue_is_swept_in_pieces,
}

sqlite! { shared:
    races::callers_with_one_key_get_one_job,
    races::cancel_and_completion_race_and_one_of_them_stands,
    races::claims_at_the_same_time_never_share_a_job,
}
