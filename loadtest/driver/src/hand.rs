//! A hand: the process that holds tabs. It follows orders from standard input, one a line, and answers each on standard
//! output; between orders it answers the server's pings. It ends with its standard input.

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::book::Watch;
use crate::fleet::{Fleet, NAP};
use crate::frame::{Op, masked};
use crate::http::{Call, Request};
use crate::machine;
use crate::order::{Acks, Measured, Order, Reply, Want};
use crate::progress::Progress;
use crate::tab::Stage;

/// How long a round waits for frames; a server that needs longer has lost them.
const ROUND: Duration = Duration::from_secs(30);
/// How long connecting may take without any progress.
const STANDSTILL: Duration = Duration::from_secs(15);
/// What the server does after the last frame of a round still belongs to it.
const AFTERWARDS: Duration = Duration::from_millis(20);

/// Follows orders until there are no more.
pub fn follow() -> anyhow::Result<()> {
    // One order at a time: the leader waits for each answer.
    let (sender, orders) = sync_channel::<String>(1);
    let first = std::io::stdin().lock().lines().next();
    let Some(first) = first else { return Ok(()) };
    let Order::Aim(aim) = serde_json::from_str(&first?)? else { anyhow::bail!("the first order must aim") };
    let mut fleet = match Fleet::new(aim) {
        Ok(fleet) => fleet,
        Err(error) => return answer(&Reply::Failed { why: format!("{error:#}") }),
    };
    let waker = Arc::new(fleet.waker()?);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() || waker.wake().is_err() {
                return;
            }
        }
        drop(sender);
        // A hand that is gone need not be woken.
        let _ = waker.wake();
    });
    answer(&Reply::Done)?;
    while let Some(order) = next(&mut fleet, &orders)? {
        let order = serde_json::from_str(&order)?;
        let reply =
            obey(&mut fleet, order).unwrap_or_else(|error| Reply::Failed { why: format!("{error:#}") });
        answer(&reply)?;
    }
    Ok(())
}

fn answer(reply: &Reply) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(reply)?)?;
    Ok(out.flush()?)
}

fn next(fleet: &mut Fleet, orders: &Receiver<String>) -> anyhow::Result<Option<String>> {
    loop {
        match orders.try_recv() {
            Ok(order) => return Ok(Some(order)),
            Err(TryRecvError::Disconnected) => return Ok(None),
            Err(TryRecvError::Empty) => {
                fleet.turn(Duration::from_secs(1))?;
            }
        }
    }
}

fn obey(fleet: &mut Fleet, order: Order) -> anyhow::Result<Reply> {
    match order {
        Order::Aim(_) => anyhow::bail!("a hand aims once"),
        Order::Connect { resume } => connect(fleet, resume),
        Order::Cut { first, count } => {
            let last = (first + count).min(fleet.tabs.len());
            (first..last).for_each(|number| fleet.leave(number));
            Ok(Reply::Done)
        }
        Order::Round { request, to, want, pid, acks } => {
            round(fleet, (&request, to), &want, pid, acks).map(Reply::Measured)
        }
        Order::Say { text, padded, times } => say(fleet, &text, padded, times),
        Order::Deafen { count } => {
            fleet.tabs.iter_mut().take(count).for_each(|tab| tab.deaf = true);
            Ok(Reply::Done)
        }
        Order::Tally => Ok(Reply::Tally(fleet.tally())),
    }
}

fn connect(fleet: &mut Fleet, resume: bool) -> anyhow::Result<Reply> {
    fleet.resume = resume;
    let (start, wanted) = (Instant::now(), fleet.queue());
    let (before, _) = fleet.count();
    let (mut connected, mut progress, mut last) = (None, start, (0, 0));
    let mut bar = Progress::new("tabs that know their state");
    loop {
        fleet.turn(Duration::from_millis(5))?;
        let now = fleet.count();
        bar.at(now.1, fleet.tabs.len());
        if now != last {
            (last, progress) = (now, Instant::now());
        }
        if connected.is_none() && !fleet.connecting() {
            connected = Some(progress.duration_since(start));
        }
        let settled = now.1 == now.0 && connected.is_some();
        if settled || progress.elapsed() > STANDSTILL {
            let connected = connected.unwrap_or_else(|| progress.duration_since(start));
            return Ok(Reply::Connected {
                connected_seconds: connected.as_secs_f64(),
                settled_seconds: progress.duration_since(start).as_secs_f64(),
                opened: now.0.saturating_sub(before).min(wanted),
                settled: now.1,
            });
        }
    }
}

fn round(
    fleet: &mut Fleet,
    (request, to): (&Request, SocketAddr),
    want: &Want,
    pid: u32,
    acks: Acks,
) -> anyhow::Result<Measured> {
    let mut call = Call::open(to)?;
    // The server takes the connection before the clock starts.
    fleet.turn(Duration::from_millis(5))?;
    let round = fleet.tabs.iter().map(|tab| tab.round).max().unwrap_or(0) + 1;
    fleet.book.acks_wait = acks == Acks::Afterwards;
    let (time, writes) = (machine::processor_time(pid), machine::writes(pid));
    let since = Instant::now();
    let Want { kind, tabs, account } = *want;
    let micros = Vec::with_capacity(tabs);
    fleet.book.watch = Some(Watch { kind, account, round, since, micros, frame: Vec::new() });
    call.send(request)?;
    // Who only waits costs the round nothing, and knows when the answer came.
    let answer = std::thread::spawn(move || call.receive());
    let arrived = |fleet: &Fleet| fleet.book.watch.as_ref().map_or(0, |watch| watch.micros.len());
    while arrived(fleet) < tabs && since.elapsed() < ROUND {
        if !fleet.turn(Duration::ZERO)? {
            std::thread::sleep(NAP);
        }
    }
    let end = Instant::now();
    while end.elapsed() < AFTERWARDS {
        if !fleet.turn(Duration::ZERO)? {
            std::thread::sleep(NAP);
        }
    }
    let (time, writes) = (machine::processor_time(pid).saturating_sub(time), machine::writes(pid) - writes);
    let watch = fleet.book.watch.take().context("the watch is ours")?;
    let answer = answer.join().map_err(|_| anyhow::anyhow!("the answer's thread ended"))??;
    fleet.acknowledge();
    fleet.book.acks_wait = false;
    let mut micros = watch.micros;
    micros.sort_unstable();
    Ok(Measured {
        status: answer.status,
        answered: answer.at.saturating_duration_since(since).as_micros() as u64,
        text: answer.text,
        arrived: micros.len(),
        micros,
        server_nanos: time.as_nanos() as u64,
        server_writes: writes,
        frame: watch.frame,
    })
}

fn say(fleet: &mut Fleet, text: &str, padded: usize, times: usize) -> anyhow::Result<Reply> {
    let start = Instant::now();
    let open: Vec<usize> =
        (0..fleet.tabs.len()).filter(|number| fleet.tabs[*number].stage == Stage::Open).collect();
    fleet.book.pongs = 0;
    for (place, number) in open.iter().enumerate() {
        let tab = &mut fleet.tabs[*number];
        let mut text = text.replace("REV", &tab.rev.to_string());
        if let Some(missing) = padded.checked_sub(text.len()) {
            // Blanks before the last brace: still one JSON object.
            text.truncate(text.len() - 1);
            text.push_str(&" ".repeat(missing));
            text.push('}');
        }
        let mut frames = masked(Op::Text, text.as_bytes()).repeat(times);
        frames.extend(masked(Op::Text, b"{\"type\":\"ping\"}"));
        tab.send(&frames);
        if place % 64 == 0 {
            fleet.turn(Duration::ZERO)?;
        }
    }
    let mut progress = (Instant::now(), 0);
    let mut bar = Progress::new("tabs that were answered");
    while fleet.book.pongs < open.len() && progress.0.elapsed() < STANDSTILL {
        fleet.turn(Duration::from_millis(5))?;
        bar.at(fleet.book.pongs, open.len());
        if fleet.book.pongs != progress.1 {
            progress = (Instant::now(), fleet.book.pongs);
        }
    }
    Ok(Reply::Said { seconds: start.elapsed().as_secs_f64(), heard: fleet.book.pongs })
}
