"""Files of events as experiments have them, made from jets that are known in JetClass's conventions."""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from tests.helpers.toy_jets import FLAGS, toy_table

CODES = {"isChargedHadron": 211, "isNeutralHadron": 130, "isPhoton": 22, "isElectron": 11, "isMuon": 13}
LEPTONS = ("isElectron", "isMuon")
SAMPLES = Path(__file__).parents[3] / "shared/data/samples"
"""Real files, where this machine has them; no test needs them."""


def known_jets(number: int = 9, seed: int = 0) -> ak.Array:
    """Jets in JetClass's conventions, particles by falling pT, tracks missing for some charged ones.

    Errors of impact parameters are those of a real detector.
    """
    rng = np.random.default_rng(seed)
    jets = ak.Array({name: ak.Array(values) for name, values in toy_table(number, "Hbb", seed).items()})
    pt = np.hypot(jets.part_px, jets.part_py)
    order = ak.argsort(pt, axis=1, ascending=False)
    columns = {name: jets[name][order] if jets[name].ndim == 2 else jets[name] for name in jets.fields}
    lost = ak.unflatten(rng.random(int(ak.sum(ak.num(pt)))) < 0.1, ak.num(pt))
    for name in ("d0val", "d0err", "dzval", "dzerr"):
        scale = 0.1 if name.endswith("err") else 1
        columns[f"part_{name}"] = ak.where(lost, 0, scale * columns[f"part_{name}"])
    return ak.zip(columns, depth_limit=1)


def pdg_ids(jets: ak.Array) -> ak.Array:
    """CMS's codes: hadrons of negative charge and leptons of positive charge have negative ones."""
    codes = sum(CODES[flag] * jets[f"part_{flag}"] for flag in FLAGS)
    is_lepton = sum(jets[f"part_{flag}"] for flag in LEPTONS)
    sign = ak.where(jets.part_charge == 0, 1, jets.part_charge * ak.where(is_lepton > 0, -1, 1))
    return ak.values_astype(codes * sign, np.int32)


def cms_candidates(jets: ak.Array, weights: ak.Array) -> dict[str, ak.Array]:
    """Candidates (N, P) in CMS's conventions: cm, −1 without a track, d0 of the other sign, momenta before weights."""
    px, py, pz = jets.part_px, jets.part_py, jets.part_pz
    pt = np.hypot(px, py)
    mass2 = jets.part_energy**2 - pt**2 - pz**2
    has_track = jets.part_d0err > 0
    lengths = {"d0": -jets.part_d0val, "d0Err": jets.part_d0err, "dz": jets.part_dzval, "dzErr": jets.part_dzerr}
    return {
        "pt": pt / weights,
        "eta": np.arcsinh(pz / pt),
        "phi": np.arctan2(py, px),
        "mass": np.sqrt(np.maximum(mass2, 0)) / weights,
        "pdgId": pdg_ids(jets),
        "charge": ak.values_astype(jets.part_charge, np.int32),
        "puppiWeight": weights,
        **{name: ak.where(has_track, values / 10, -1.0) for name, values in lengths.items()},
    }


def pfnano_events(jets: ak.Array, per_event: int = 3, seed: int = 0, weighted: bool = True) -> dict[str, Any]:
    """Events of PFNano: candidates shuffled, some of no jet, some of weight 0; links shuffled.

    Args:
        jets: a multiple of `per_event`.
        per_event: jets in an event.
        seed: of the shuffling and the weights.
        weighted: whether momenta of jets are sums with PUPPI weights.
    """
    rng = np.random.default_rng(seed)
    counts = np.asarray(ak.num(jets.part_px))
    weights = ak.unflatten(rng.choice([0.25, 0.5, 1.0], counts.sum()), counts)
    sums = {name: np.asarray(ak.sum(jets[f"part_{name}"], axis=1)) for name in ("px", "py", "pz")}
    candidates = cms_candidates(jets, weights if weighted else ak.ones_like(weights))
    candidates["puppiWeight"] = weights
    raw_factor = rng.uniform(0.05, 0.12, len(jets))
    pt = np.hypot(sums["px"], sums["py"])
    events: dict[str, list[Any]] = {}
    for first in range(0, len(jets), per_event):
        members = range(first, first + per_event)
        own = {name: np.concatenate([np.asarray(values[j]) for j in members]) for name, values in candidates.items()}
        jet = np.repeat(np.arange(per_event), counts[first : first + per_event])
        own = {name: np.concatenate([values, _others(name)]) for name, values in own.items()}
        jet = np.concatenate([jet, [0, -1]])  # one of weight 0 in the first jet, one of none
        shuffled, links = rng.permutation(len(jet)), rng.permutation(len(jet))
        for name, values in own.items():
            place = np.empty_like(values)
            place[shuffled] = values
            events.setdefault(f"PFCands_{name}", []).append(place)
        events.setdefault("FatJetPFCands_pFCandsIdx", []).append(shuffled[links])
        events.setdefault("FatJetPFCands_jetIdx", []).append(jet[links])
        of_jets = {
            "pt": pt / (1 - raw_factor), "rawFactor": raw_factor, "eta": np.arcsinh(sums["pz"] / pt),
            "phi": np.arctan2(sums["py"], sums["px"]), "msoftdrop": np.linspace(-1, 120, len(jets)),
            "tau1": np.full(len(jets), 0.25), "score": np.arange(len(jets)) / 16,
        }  # fmt: skip
        for name, values in of_jets.items():
            events.setdefault(f"FatJet_{name}", []).append(values[first : first + per_event])
        # Of the jets of an event, the last is the first of the generator's, and the second has none.
        events.setdefault("FatJet_genJetAK8Idx", []).append([1, *[-1] * (per_event - 2), 0][:per_event])
        generated = [(members[-1], 3.0), (first, 1.0)]
        for name, scale in (("pt", 1.0), ("mass", 0.1)):
            events.setdefault(f"GenJetAK8_{name}", []).append([scale * (pt[j] + more) for j, more in generated])
    number = len(jets) // per_event
    columns = {name: ak.Array(values) for name, values in events.items()}
    columns = {
        name: ak.values_astype(v, np.int32 if "int" in str(v.type) else np.float32) for name, v in columns.items()
    }
    flat = {"run": np.full(number, 7, np.uint32), "luminosityBlock": np.arange(number, dtype=np.uint32)}
    return {**columns, **flat, "event": np.uint64(2**40) + np.arange(number, dtype=np.uint64)}


def _others(name: str) -> np.ndarray:
    """Two candidates: one of PUPPI weight 0, and one of no jet."""
    values = {"pt": [3.0, 900.0], "puppiWeight": [0.0, 1.0], "pdgId": [22, 22], "mass": [-0.0003, 0.0]}
    return np.array(
        values.get(name, [-1.0, -1.0] if name.startswith("d") else [0.1, 0.2] if name in ("eta", "phi") else [0, 0])
    )


def nanoaod_events(jets: ak.Array, per_event: int = 3) -> dict[str, Any]:
    """The same events as NanoAOD 15 has them: weights are part of the momenta, no charge, no tracks."""
    events = pfnano_events(jets, per_event)
    weight = events["PFCands_puppiWeight"]
    names = {"FatJetPFCands_pFCandsIdx": "FatJetPFCand_pfCandIdx", "FatJetPFCands_jetIdx": "FatJetPFCand_jetIdx"}
    kept = {name: values for name, values in events.items() if not name.startswith(("PFCands", "FatJetPFCands"))}
    kept |= {new: events[old] for old, new in names.items()}
    for name in ("pt", "mass"):
        kept[f"PFCand_{name}"] = events[f"PFCands_{name}"] * weight
    return kept | {f"PFCand_{name}": events[f"PFCands_{name}"] for name in ("eta", "phi", "pdgId")}


def with_decays(events: dict[str, Any]) -> dict[str, Any]:
    """Add generator particles to events of three jets each: H→bb in the first, H→cc in the last, and none between."""
    rows: dict[str, list[Any]] = {name: [] for name in ("pdgId", "genPartIdxMother", "status", "pt", "eta", "phi")}
    for eta, phi in zip(events["FatJet_eta"].tolist(), events["FatJet_phi"].tolist(), strict=True):
        rows["pdgId"].append([25, 25, 5, -5, 4, -4])
        rows["genPartIdxMother"].append([-1, -1, 0, 0, 1, 1])
        rows["status"].append([62, 62, 23, 23, 23, 23])
        rows["pt"].append([500.0, 500.0, 250.0, 250.0, 250.0, 250.0])
        for name, axis in (("eta", eta), ("phi", phi)):
            rows[name].append(
                [axis[j] + shift for j, shift in ((0, 0), (2, 0), (0, 0.1), (0, -0.1), (2, 0.1), (2, -0.1))]
            )
    whole = ("pdgId", "genPartIdxMother", "status")
    columns = {name: ak.values_astype(ak.Array(v), "int32" if name in whole else "float32") for name, v in rows.items()}
    return events | {f"GenPart_{name}": values for name, values in columns.items()}


def write_events(path: Path, events: dict[str, Any], tree: str = "Events", is_rntuple: bool = False) -> Path:
    """Write events as a TTree, or an RNTuple."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: ak.Array(values) for name, values in events.items()}
    with uproot.recreate(path) as file:
        types = {name: column.type for name, column in columns.items()}
        if is_rntuple:
            file.mkrntuple(tree, columns)
            return path
        file.mktree(tree, types, counter_name=lambda name: f"n{name.partition('_')[0]}")
        file[tree].extend(columns)
        file.mktree("Runs", {"run": "uint32"})  # as files of CMS have it
    return path


def write_aspen(path: Path, jets: ak.Array, seed: int = 0) -> Path:
    """Write jets as Aspen Open Jets has them."""
    tables = __import__("tables")
    rng = np.random.default_rng(seed)
    counts = np.asarray(ak.num(jets.part_px))
    weights = ak.unflatten(rng.choice([0.25, 0.5, 1.0], counts.sum()), counts)
    cms = cms_candidates(jets, weights)
    columns = [jets[f"part_{name}"] / weights for name in ("px", "py", "pz", "energy")]
    columns += [cms[name] for name in ("d0", "d0Err", "dz", "dzErr", "charge", "pdgId", "puppiWeight")]
    slots = np.zeros((len(jets), 150, len(columns)), np.float32)
    for place, column in enumerate(columns):
        slots[..., place] = np.asarray(ak.fill_none(ak.pad_none(column, 150, clip=True), 0))
    is_real = np.arange(150) < counts[:, None]
    slots = np.where(is_real[..., None], slots, 0)
    sums = {name: np.asarray(ak.sum(jets[f"part_{name}"], axis=1)) for name in ("px", "py", "pz")}
    pt = np.hypot(sums["px"], sums["py"])
    kinematics = [
        1.08 * pt,
        np.arcsinh(sums["pz"] / pt),
        np.arctan2(sums["py"], sums["px"]),
        np.linspace(-1, 90, len(pt)),
    ]
    with tables.open_file(str(path), "w") as file:
        file.create_array("/", "PFCands", slots)
        file.create_array("/", "jet_kinematics", np.stack(kinematics, axis=1).astype(np.float32))
        file.create_array("/", "jet_tagging", np.tile(np.arange(13, dtype=np.float32), (len(pt), 1)))
        file.create_array("/", "event_info", np.stack([np.arange(len(pt))] * 3, axis=1).astype(np.int64))
    return path
