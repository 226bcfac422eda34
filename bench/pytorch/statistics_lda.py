"""Class means and a shared scatter that follow the features, and LDA on them. In float64."""
import torch


class ClassStatistics:
    def __init__(self, width):
        self.means, self.counts = {}, {}
        self.scatter = torch.zeros(width, width, dtype=torch.float64)

    def compensate(self, before, after, ridge):
        """Moves the statistics by a ridge map from the features before a task's training to those after."""
        if not self.means:
            return
        delta = after - before
        center, shift = before.mean(0), delta.mean(0)
        x = before - center
        drift = ridge_solve(x.T @ x, ridge, x.T @ (delta - shift))
        for label, mean in self.means.items():
            self.means[label] = mean + (mean - center) @ drift + shift
        move = torch.eye(len(drift), dtype=torch.float64) + drift
        self.scatter = move.T @ self.scatter @ move

    def add(self, features, labels):
        for label in labels.unique().tolist():
            own = features[labels == label]
            self.means[label], self.counts[label] = own.mean(0), len(own)
            self.scatter += (own - own.mean(0)).T @ (own - own.mean(0))

    def classifier(self, shrinkage):
        """LDA with equal priors: classes, weights and biases."""
        classes = sorted(self.means)
        means = torch.stack([self.means[label] for label in classes])
        covariance = self.scatter / max(sum(self.counts.values()) - len(classes), 1)
        weight = ridge_solve(covariance, shrinkage, means.T).T
        return torch.tensor(classes), weight, -(weight * means).sum(1) / 2


def ridge_solve(matrix, ridge, right):
    """(matrix + ridge mean_diagonal I)^-1 right"""
    added = ridge * matrix.diagonal().mean().clamp_min(1e-12) * torch.eye(len(matrix), dtype=matrix.dtype)
    return torch.linalg.solve(matrix + added, right)
