//! How often translation allocates. Apart from `translate`, because counting takes time.

#[path = "work/mod.rs"]
mod work;

use std::hint::black_box;

use allocation_counter::measure;

fn print(name: &str, run: impl FnOnce()) {
    let counted = measure(run);
    println!("{name}: {} allocations of {} bytes", counted.count_total, counted.bytes_total);
}

fn main() {
    for (size, length) in work::SIZES {
        println!("request of {size}");
        work::requests(length, |name, from, to, capabilities, body| {
            let run = || drop(black_box(work::translate(from, to, capabilities, body)));
            // Tables are made once.
            run();
            print(name, run);
        });
    }
    println!("stream event");
    work::events(|name, running, event| print(name, || running.push(event)));
}
