"""Questions to rules that read the local potential (Clopath) and pairs of spikes."""
