terminal-registration = Co-registration: { $model }, RMSE { $error } at tie points left out of the fit.
terminal-next = Go on with: { $command }
terminal-truth = Truth of the sample, which the run has not seen: { $built-destroyed } of { $built-before } of built area destroyed, { $vegetation-lost } of { $vegetation-before } of vegetation lost.
