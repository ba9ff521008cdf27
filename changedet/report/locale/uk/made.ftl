# Як отримано результат.

date-unknown = дата невідома
credit = Знімки: { $owner }
credit-missing = Знімки: права та ліцензія належать їхньому власникові; зазначайте його, публікуючи ці зображення
citation = changedet { $version }, зміни між { $before } ({ $before_date }) та { $after } ({ $after_date }), обчислено { $made }.

made-file = Файл
made-date = Дата
made-size = Розмір
made-pixels = { $width } × { $height } пікселів
made-bands = Використані канали
made-bands-from = Канали відомі з
made-dtype = Тип даних
made-crs = Система координат
made-gsd = Просторова розрізненність
made-sha = SHA-256

made-method = Метод
made-model = Модель
made-tie-points = Зв’язкові точки
made-believed = прийнято { $believed } із { $tried } перевірених
made-rmse = Похибка, СКП
made-ce90 = Похибка, CE90
made-both = { $pixels } ({ $metres })
made-extrapolated = Екстрапольовано: поблизу немає зв’язкових точок
made-backward = Медіанна відстань при зворотному зіставленні
made-displacement = Найбільше зміщення
made-support = Перевага грубого суміщення над випадковим, у СКВ
made-supported = Перекриття зі зв’язковими точками поблизу

made-map-size = Розмір карт
made-pixel-size = Розмір пікселя
made-no-scale = масштаб невідомий

made-started = Початок
made-time = Тривалість
made-memory = Пік пам’яті
made-built = Забудова
made-vegetation = Рослинність
