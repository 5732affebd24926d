//! The route table: from a model's public name to the providers that offer it, as each namespace sees them.
//!
//! Everything that can be settled when the table is built is settled there: who sees whom, who speaks which
//! protocol, in what order. A table is made from the one before by the providers that went and came, so that the
//! names nobody touched keep their groups and with them whose turn it is.

use super::rotation::Rotation;
use crate::state::provider::{Offer, PROTOCOLS, Provider, position};
use crate::state::shards::Shards;
use crate::translate;
use llm_snapshot::provider::{Protocol, Visibility};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A provider that offers a name.
#[derive(Clone, Debug)]
pub struct Member {
    /// The provider.
    pub provider: Arc<Provider>,
    offer: usize,
}

/// Members of equal priority, and whose turn it is.
#[derive(Debug)]
pub struct Tier {
    members: Box<[Member]>,
    rotation: Arc<Rotation>,
}

/// The members one namespace may use by one name and protocol, by priority.
#[derive(Debug)]
pub struct Group {
    tiers: Box<[Tier]>,
}

type ByProtocol = [Option<Arc<Group>>; PROTOCOLS.len()];

/// A public name and everyone who offers it.
#[derive(Debug)]
pub struct Name {
    name: Arc<str>,
    members: Box<[Member]>,
    /// What namespaces see that no provider names.
    others: ByProtocol,
    namespaces: HashMap<Arc<str>, ByProtocol>,
}

/// All public names.
#[derive(Clone, Debug, Default)]
pub struct Table {
    exact: Shards<Arc<str>, Arc<Name>>,
    /// By what comes before the `*`.
    prefixes: Shards<Arc<str>, Arc<Name>>,
    /// The lengths of the prefixes, longest first.
    lengths: Arc<[usize]>,
}

/// Where a request goes.
#[derive(Debug)]
pub struct Route<'t> {
    /// Who can answer it.
    pub group: &'t Arc<Group>,
    /// What the `*` of a prefix stands for; empty for an exact name.
    pub rest: &'t str,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// The namespace sees no such name.
    UnknownModel,
    /// It sees the name, but nobody there speaks the protocol.
    OtherProtocol,
}

impl Member {
    /// What it offers by the name.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.provider.offers[self.offer]
    }

    fn same_turns(&self, other: &Self) -> bool {
        self.provider.id == other.provider.id
            && self.provider.weight == other.provider.weight
            && self.offer().upstream == other.offer().upstream
    }
}

impl Tier {
    /// The members, in the order of the rotation.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whose turn it is.
    #[must_use]
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }
}

impl Group {
    /// The priorities, first one first.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// How many members it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.tiers.iter().map(|tier| tier.members.len()).sum()
    }

    /// The group of `members`, which are in order. Tiers that are as `before` go on with its turns.
    fn new(members: Vec<Member>, before: Option<&Self>) -> Self {
        let tiers = members
            .chunk_by(|one, next| one.offer().priority == next.offer().priority)
            .map(|members| {
                let same = |tier: &&Tier| {
                    tier.members.len() == members.len()
                        && tier.members.iter().zip(members).all(|(was, is)| was.same_turns(is))
                };
                let rotation = match before.and_then(|group| group.tiers.iter().find(same)) {
                    Some(tier) => tier.rotation.clone(),
                    None => Arc::new(Rotation::new(members.iter().map(|member| member.provider.weight))),
                };
                Tier { members: members.into(), rotation }
            })
            .collect();
        Self { tiers }
    }
}

impl Name {
    /// `members` are in order; `before` is what the name was until now.
    fn new(name: Arc<str>, members: Vec<Member>, before: Option<&Self>) -> Self {
        let mut open = Vec::new();
        let mut closed: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            match &member.provider.visible_to {
                Visibility::All => open.push(index),
                Visibility::Namespaces(namespaces) => {
                    for namespace in namespaces {
                        closed.entry(namespace).or_default().push(index);
                    }
                }
            }
        }
        let mut groups = Groups { members: &members, made: HashMap::new() };
        let others = groups.by_protocol(&open, before.map(|name| &name.others));
        let namespaces = closed
            .into_iter()
            .map(|(namespace, mut seen)| {
                seen.extend(&open);
                seen.sort_unstable();
                let before = before.and_then(|name| name.namespaces.get(namespace));
                (namespace.into(), groups.by_protocol(&seen, before))
            })
            .collect();
        Self { name, members: members.into(), others, namespaces }
    }

    fn seen_by(&self, namespace: &str) -> &ByProtocol {
        match self.namespaces.is_empty() {
            true => &self.others,
            false => self.namespaces.get(namespace).unwrap_or(&self.others),
        }
    }

    fn group(&self, namespace: &str, protocol: Protocol) -> Result<&Arc<Group>, NoRoute> {
        let seen = self.seen_by(namespace);
        match &seen[position(protocol)] {
            Some(group) => Ok(group),
            None if seen.iter().any(Option::is_some) => Err(NoRoute::OtherProtocol),
            None => Err(NoRoute::UnknownModel),
        }
    }
}

/// Makes the groups of a name; those of the same members are one, and share their turns.
struct Groups<'m> {
    members: &'m [Member],
    made: HashMap<Vec<usize>, Arc<Group>>,
}

impl Groups<'_> {
    fn by_protocol(&mut self, seen: &[usize], before: Option<&ByProtocol>) -> ByProtocol {
        std::array::from_fn(|at| {
            let speaks =
                |index: &usize| translate::serves(PROTOCOLS[at], &self.members[*index].offer().protocols);
            let subset: Vec<usize> = seen.iter().copied().filter(speaks).collect();
            if subset.is_empty() {
                return None;
            }
            let members = self.members;
            let group = self.made.entry(subset).or_insert_with_key(|subset| {
                let members = subset.iter().map(|index| members[*index].clone()).collect();
                Arc::new(Group::new(members, before.and_then(|before| before[at].as_deref())))
            });
            Some(group.clone())
        })
    }
}

impl Table {
    /// This table without the providers `gone` and with `come`. A provider that changed is in both.
    #[must_use]
    pub fn patched(&self, gone: &[Arc<Provider>], come: &[Arc<Provider>]) -> Self {
        let mut touched: HashMap<&Arc<str>, Vec<Member>> = HashMap::new();
        for offer in gone.iter().flat_map(|provider| &provider.offers) {
            touched.entry(&offer.name).or_default();
        }
        for provider in come.iter().filter(|provider| provider.weight > 0) {
            for (offer, stated) in provider.offers.iter().enumerate() {
                touched.entry(&stated.name).or_default().push(Member { provider: provider.clone(), offer });
            }
        }
        let gone: HashSet<*const Provider> = gone.iter().map(Arc::as_ptr).collect();
        let mut next = self.clone();
        let prefixes = touched.keys().any(|name| name.ends_with('*'));
        for (name, members) in touched {
            next.replace(name, members, &gone);
        }
        if prefixes {
            next.lengths = next.prefix_lengths();
        }
        next
    }

    fn prefix_lengths(&self) -> Arc<[usize]> {
        let lengths: HashSet<usize> = self.prefixes.iter().map(|(prefix, _)| prefix.len()).collect();
        let mut lengths: Vec<usize> = lengths.into_iter().collect();
        lengths.sort_unstable_by(|one, other| other.cmp(one));
        lengths.into()
    }

    fn replace(&mut self, name: &Arc<str>, mut members: Vec<Member>, gone: &HashSet<*const Provider>) {
        let (names, key) = match name.strip_suffix('*') {
            Some(prefix) => (&mut self.prefixes, Arc::from(prefix)),
            None => (&mut self.exact, name.clone()),
        };
        let before = names.get(&*key);
        let staying = before.iter().flat_map(|before| before.members.iter());
        members.extend(staying.filter(|member| !gone.contains(&Arc::as_ptr(&member.provider))).cloned());
        if members.is_empty() {
            names.remove(&*key);
            return;
        }
        let place = |member: &Member| (member.offer().priority, member.provider.id.clone(), member.offer);
        members.sort_by_cached_key(place);
        let made = Name::new(name.clone(), members, before.map(|before| &**before));
        names.insert::<str>(key, Arc::new(made));
    }

    /// Where a request for `model` goes: to those who offer the exact name, or else the longest prefix of it.
    ///
    /// # Errors
    /// [`NoRoute`]
    pub fn route<'t>(
        &'t self,
        model: &'t str,
        namespace: &str,
        protocol: Protocol,
    ) -> Result<Route<'t>, NoRoute> {
        for (name, rest) in self.lookup(model) {
            match name.group(namespace, protocol) {
                Ok(group) => return Ok(Route { group, rest }),
                Err(NoRoute::UnknownModel) => {}
                Err(other) => return Err(other),
            }
        }
        Err(NoRoute::UnknownModel)
    }

    /// Who keeps for a namespace what has no model (files, batches): of those that speak the protocol always the same
    /// one, the first by priority and name. Looks at everything there is.
    #[must_use]
    pub fn keeper(&self, namespace: &str, protocol: Protocol) -> Option<Arc<Group>> {
        let names = self.exact.iter().chain(self.prefixes.iter()).map(|(_, name)| name);
        let groups = names.filter_map(|name| name.group(namespace, protocol).ok());
        let members = groups.flat_map(|group| group.tiers.iter().flat_map(|tier| tier.members.iter()));
        let first = members.min_by_key(|member| (member.offer().priority, &member.provider.id))?;
        Some(Arc::new(Group::new(vec![first.clone()], None)))
    }

    /// Whether the namespace sees a name that covers `model`, whatever the protocol.
    #[must_use]
    pub fn knows(&self, model: &str, namespace: &str) -> bool {
        self.lookup(model).any(|(name, _)| name.seen_by(namespace).iter().any(Option::is_some))
    }

    /// The exact names a namespace sees, in order.
    #[must_use]
    pub fn names(&self, namespace: &str) -> Vec<&str> {
        let seen = |name: &&Arc<Name>| name.seen_by(namespace).iter().any(Option::is_some);
        let mut names: Vec<&str> =
            self.exact.iter().map(|(_, name)| name).filter(seen).map(|name| &*name.name).collect();
        names.sort_unstable();
        names
    }

    /// The names that cover `model`, most specific first, with what their `*` stands for.
    fn lookup<'t>(&'t self, model: &'t str) -> impl Iterator<Item = (&'t Name, &'t str)> {
        let exact = self.exact.get(model).map(|name| (&**name, ""));
        let prefixes = self.lengths.iter().filter_map(|length| {
            let (prefix, rest) = model.split_at_checked(*length)?;
            Some((&**self.prefixes.get(prefix)?, rest))
        });
        exact.into_iter().chain(prefixes)
    }
}

#[cfg(test)]
mod tests;
