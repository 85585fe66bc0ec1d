"""Operations of perturbed weights: drawn, added, read by rules."""

from circuits.engine.lists import Operation
from circuits.engine.operations import perturbations
from dendrites.random import stream_key


class WritesPerturbations:
    """The part of a `Writer` that writes what is added to weights in some phases."""

    def draw_xi(self, names, seed):
        """Draw what is added to the weights of some projections."""
        for p in map(self.circuit.projection, names):
            signs = p.perturbation.kind == "sign"
            key0, key1 = stream_key(seed, f"perturbation/{p.name}")
            yield self(
                perturbations.draw_signs_xi if signs else perturbations.draw_normal_xi,
                n=self.layout.synapses[p.name],
                xi=self.replica("xi", p.name),
                sigma=p.perturbation.sigma,
                key0=key0,
                key1=key1,
            )

    def perturbed(self, p) -> bool:
        """Whether a projection carries more than its weights."""
        return p.name in dict(self.choices.perturbed)

    def perturb(self, *, moving):
        """Add it to weights that move during steps, or to those that stand still."""
        for p in self.circuit.projections:
            if not self.perturbed(p) or self.moves(p) != moving:
                continue
            kind = "middle" if moving and self.layout.predicts else "weights"
            yield self(
                perturbations.perturb,
                n=self.layout.synapses[p.name],
                weights=self.replica(kind, p.name),
                xi=self.replica("xi", p.name),
                perturbed=self.replica("perturbed", p.name),
                factor=dict(self.choices.perturbed)[p.name],
            )

    def xi_outer(self, p, k) -> Operation:
        """Sum factor times what was added to the weights over samples."""
        return self(
            perturbations.xi_outer,
            factor=self.lane("factor", k, p.name),
            xi=self.replica("xi", p.name),
            sums=self.lane("sums", p.name),
            first=int(k == 0),
            **self.joined(p),
        )
