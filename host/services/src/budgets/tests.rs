//! Budgets over a file that is gone afterwards, with a clock that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hayrick_types::chunk::{Chunk, Usage};
use hayrick_types::clock::Clock;
use hayrick_types::failure::FailureKind;
use hayrick_types::settings::plugin::ModelGrant;

use crate::budgets::Budgets;
use crate::budgets::day::DAY;
use crate::database::Database;

fn grant(run_tokens_max: Option<u64>, day_tokens_max: Option<u64>) -> ModelGrant {
    ModelGrant {
        aliases: None,
        run_tokens_max,
        day_tokens_max,
    }
}

fn text(bytes: usize) -> Chunk {
    Chunk::Text("x".repeat(bytes))
}

async fn open(folder: &tempfile::TempDir, now: &Arc<AtomicU64>) -> Budgets {
    let now = Arc::clone(now);
    let clock: Clock = Arc::new(move || now.load(Ordering::Relaxed));
    Budgets::open(
        Database::open(&folder.path().join("hayrick.db")).unwrap(),
        clock,
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn an_answer_ends_where_the_budget_of_its_run_ends() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = open(&folder, &Arc::default()).await;
    let budget = budgets.begin("p", &grant(Some(10), None)).unwrap();
    assert_eq!(
        budget.ask(44).err().unwrap().kind,
        FailureKind::Limit,
        "eleven tokens do not fit into ten"
    );
    let mut charge = budget.ask(16).unwrap();
    charge.chunk(&text(24)).unwrap();
    let failure = charge.chunk(&text(4)).unwrap_err();
    assert!(
        failure.message.contains("run_tokens_max, 10 tokens"),
        "{failure}"
    );
    assert!(
        budget.ask(0).is_err(),
        "nothing is left for another question"
    );
    assert!(
        budgets
            .begin("p", &grant(Some(10), None))
            .unwrap()
            .left()
            .is_ok(),
        "another run has its own"
    );
    assert!(budgets.begin("p", &grant(None, None)).is_none());
}

#[tokio::test]
async fn what_the_model_says_stands_whether_it_is_more_or_less() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = open(&folder, &Arc::default()).await;
    let budget = budgets.begin("p", &grant(None, Some(100))).unwrap();
    let mut charge = budget.ask(80).unwrap();
    charge
        .chunk(&Chunk::Usage(Usage {
            input_tokens: 5,
            output_tokens: 3,
            details: None,
        }))
        .unwrap();
    assert_eq!(budget.left().unwrap(), 92);
    budget.ask(4).unwrap().settle(&Usage {
        input_tokens: 500,
        output_tokens: 0,
        details: None,
    });
    assert!(
        budget
            .left()
            .unwrap_err()
            .message
            .contains("day_tokens_max, 100 tokens")
    );
}

#[tokio::test]
async fn a_daily_budget_survives_a_restart_and_ends_with_the_day() {
    let (folder, now) = (
        tempfile::tempdir().unwrap(),
        Arc::new(AtomicU64::new(5 * DAY + DAY / 4)),
    );
    let budgets = open(&folder, &now).await;
    budgets
        .begin("p", &grant(None, Some(10)))
        .unwrap()
        .ask(40)
        .unwrap();
    budgets.flush().await.unwrap();
    drop(budgets);
    let budgets = open(&folder, &now).await;
    let spent = budgets.begin("p", &grant(None, Some(10))).unwrap();
    assert_eq!(
        spent.left().unwrap_err().retry_after.unwrap().as_millis(),
        u128::from(DAY / 4 * 3)
    );
    assert_eq!(
        budgets
            .begin("other", &grant(None, Some(10)))
            .unwrap()
            .left()
            .unwrap(),
        10
    );
    now.fetch_add(DAY, Ordering::Relaxed);
    assert_eq!(spent.left().unwrap(), 10);
}
