terminal-registration = Суміщення знімків: { $model }, СКП { $error } у зв’язкових точках, не використаних у моделі.
terminal-next = Що далі: { $command }
terminal-truth = Істинні значення зразка, яких програма не бачила: зруйновано { $built-destroyed } з { $built-before } забудови, утрачено { $vegetation-lost } з { $vegetation-before } рослинності.
